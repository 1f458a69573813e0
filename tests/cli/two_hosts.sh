#!/bin/sh
# Two hosts played by network namespaces, with a link between them that is slow and loses packets:
#     two_hosts.sh NAME up          makes them; status 77 and a reason where that is not permitted
#     two_hosts.sh NAME run ARGS    mpirun ARGS from the first, one process on each
#     two_hosts.sh NAME lost        packets that the link has lost so far
#     two_hosts.sh NAME cut|down    cuts the link; takes everything away
# NAME is short and nobody else's. mpirun calls this as its remote shell: NAME agent HOST COMMAND.
name=$1 what=$2
shift 2
self=$(realpath "$0")

on() { # HOST COMMAND...: in its namespaces
    host=$1
    shift
    ip netns exec "$name-$host" unshare --uts sh -c "hostname host-$host; $*"
}

# 1 % lost, 50 Mbit/s, a millisecond there; without netem by a filter and a short queue.
spoil() {
    ip netns exec "$name-$1" tc qdisc add dev "$name-v$1" root netem delay 1ms loss 1% rate 50mbit 2>/dev/null &&
        return
    ip netns exec "$name-$1" tc qdisc add dev "$name-v$1" root tbf rate 50mbit burst 10k limit 60k &&
        ip netns exec "$name-$1" nft -f - <<END
table inet masa {
    chain input {
        type filter hook input priority 0;
        iifname "$name-v$1" numgen random mod 100 < 1 counter drop
    }
}
END
}

make() {
    ip netns add "$name-a" && ip netns add "$name-b" &&
        ip link add "$name-va" type veth peer name "$name-vb" || return
    number=1
    for host in a b; do
        ip link set "$name-v$host" netns "$name-$host" &&
            ip -n "$name-$host" addr add "10.77.0.$number/24" dev "$name-v$host" &&
            ip -n "$name-$host" link set "$name-v$host" up &&
            ip -n "$name-$host" link set lo up && spoil $host || return
        number=2
    done
}

case $what in
up)
    why=$(make 2>&1) && exit 0
    "$self" "$name" down
    echo "network namespaces: $why" | head -n 1
    exit 77
    ;;
agent)
    host=$1
    shift
    [ "$host" = 10.77.0.2 ] && on b "$@" || on a "$@"
    ;;
run)
    printf '#!/bin/sh\nexec "%s" "%s" agent "$@"\n' "$self" "$name" >"agent-$name"
    chmod +x "agent-$name"
    on a "exec mpirun -q --mca plm_rsh_agent '$PWD/agent-$name' --mca btl tcp,self" \
        "--mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24" \
        "--mca oob_tcp_keepalive_time 4 --mca oob_tcp_keepalive_intvl 1 --mca oob_tcp_keepalive_probes 4" \
        "--bind-to none --host 10.77.0.1:1,10.77.0.2:1 -n 2 $*"
    ;;
lost)
    for host in a b; do
        ip netns exec "$name-$host" tc -s qdisc show dev "$name-v$host"
        ip netns exec "$name-$host" nft list ruleset 2>/dev/null
    done | sed -n 's/.*(dropped \([0-9]*\),.*/\1/p; s/.*counter packets \([0-9]*\) .* drop.*/\1/p' |
        awk '{ n += $1 } END { print n + 0 }'
    ;;
cut) ip -n "$name-a" link set "$name-va" down ;;
down)
    for host in a b; do
        ip netns pids "$name-$host" 2>/dev/null | xargs -r kill -KILL
    done
    ip netns del "$name-a" 2>/dev/null
    ip netns del "$name-b" 2>/dev/null
    ip link del "$name-va" 2>/dev/null
    true
    ;;
esac
