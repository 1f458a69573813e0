#include <masa/random.h>

#include <assert.h>
#include <math.h>

void masa_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0;
        uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

uint64_t masa_key(uint64_t key, uint64_t value)
{
    uint32_t counter[4] = {(uint32_t)value, (uint32_t)(value >> 32), 0, 0};
    uint32_t half[2] = {(uint32_t)key, (uint32_t)(key >> 32)}, out[4];
    masa_philox(out, counter, half);
    return (uint64_t)out[1] << 32 | out[0];
}

static uint64_t draw(uint64_t key, masa_stream stream, uint64_t position)
{
    uint32_t counter[4] = {(uint32_t)position, (uint32_t)(position >> 32), (uint32_t)stream, 1};
    uint32_t half[2] = {(uint32_t)key, (uint32_t)(key >> 32)}, out[4];
    masa_philox(out, counter, half);
    return (uint64_t)out[1] << 32 | out[0];
}

double masa_uniform(uint64_t key, masa_stream stream, uint64_t position)
{
    return (double)(draw(key, stream, position) >> 11) * 0x1p-53;
}

masa_random masa_random_init(uint64_t key, masa_stream stream)
{
    return (masa_random){.key = key, .stream = stream};
}

double masa_random_uniform(masa_random *random)
{
    return masa_uniform(random->key, random->stream, random->position++);
}

uint64_t masa_random_below(masa_random *random, uint64_t n)
{
    assert(n > 0);
    /* Reject the tail that would make small values likelier. */
    uint64_t limit = UINT64_MAX - UINT64_MAX % n, value;
    do value = draw(random->key, random->stream, random->position++);
    while (value >= limit);
    return value % n;
}

int64_t masa_random_range(masa_random *random, int64_t low, int64_t high)
{
    assert(low <= high);
    uint64_t span = (uint64_t)high - (uint64_t)low + 1;
    return (int64_t)((uint64_t)low + masa_random_below(random, span));
}

double masa_random_normal(masa_random *random)
{
    /* Box-Muller; 1-u keeps the logarithm finite. */
    double u = masa_random_uniform(random), v = masa_random_uniform(random);
    return sqrt(-2.0 * log(1.0 - u)) * cos(2.0 * M_PI * v);
}

void masa_random_shuffle(masa_random *random, size_t *items, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)masa_random_below(random, i), t = items[i - 1];
        items[i - 1] = items[j];
        items[j] = t;
    }
}
