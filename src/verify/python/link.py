# What the two interpreters of a judgement share: a line of JSON each way over a socket.
#
# The judge runs the tests; the worker has the program and is not to be believed in
# anything but the values that it answers with. Values of Python's own types are copied;
# of anything else the sender keeps the object and the receiver gets its number. So no
# method that a program defines ever runs in the judge, and no comparison of its own
# decides whether an answer is the expected one.
import builtins, importlib, json, os, sys, types

TYPES = {t.__name__: t for t in (bool, int, float, complex, str, bytes, bytearray, list,
                                 tuple, set, frozenset, dict, range)}
ATOMS = {type(None), bool, float, str}
SMALL = 1 << 63  # decimal digits are limited in number, and slow
EXACTLY = {str: str.__str__, float: float.__float__, int: int.__int__}
SEQUENCES = {'l': list, 't': tuple, 's': set, 'f': frozenset}
MUTABLE = (list, dict, set, bytearray)
REBUILT = {('datetime', 'date'), ('datetime', 'datetime'), ('datetime', 'time'),
           ('datetime', 'timedelta'), ('datetime', 'timezone'), ('decimal', 'Decimal'),
           ('fractions', 'Fraction'), ('collections', 'deque')}


def base_of(value):
    """The type that a value is copied as, if it can be: Python's own, of which it is."""
    kind = type(value)
    if kind in ATOMS or TYPES.get(kind.__name__) is kind:
        return kind
    if kind.__module__ == 'collections' and issubclass(kind, dict):
        return dict
    if issubclass(kind, tuple) and hasattr(kind, '_fields'):
        return tuple
    return next((base for base in EXACTLY if issubclass(kind, base)), kind)


def is_flat(items):
    """Whether a list is its own JSON; this is for speed."""
    kinds = set(map(type, items))
    return kinds <= ATOMS or kinds == {int} and -SMALL <= min(items) <= max(items) < SMALL


def replace(old, new):
    """Gives a list, dict, set or bytearray the content that the other side left in it."""
    if type(old) is not type(new):
        raise TypeError('an argument changed its type')
    if type(old) in (list, bytearray):
        old[:] = new
    else:
        old.clear()
        old.update(new)


class Link:
    """One end. A subclass says what is kept (keep), what stands for the other side's
    objects (stand_in) and what may be asked of ours (perform)."""

    def __init__(self, fd):
        self.fd = fd
        self.reader = open(fd, 'rb', closefd=False)
        self.kept, self.numbers = [], {}

    # ---- values ----

    def encode_all(self, values):
        return [self.encode(value) for value in values]

    def encode(self, value):
        kind = base_of(value)
        if kind in EXACTLY:
            value = EXACTLY[kind](value)
        if kind in ATOMS:
            return value
        if kind is int:
            return value if -SMALL <= value < SMALL else ['i', hex(value)]
        if kind is list and is_flat(value):
            return ['L', *value]
        for tag, sequence in SEQUENCES.items():
            if kind is sequence:
                return [tag, *self.encode_all(value)]
        if kind is dict:
            return ['d', *([self.encode(k), self.encode(v)] for k, v in value.items())]
        if kind in (bytes, bytearray):
            return [kind.__name__, value.hex()]
        if kind is complex:
            return ['c', value.real, value.imag]
        if kind is range:
            return ['r', *self.encode_all((value.start, value.stop, value.step))]
        if kind is type and TYPES.get(value.__name__) is value:
            return ['T', value.__name__]
        name = kind.__module__, kind.__name__
        if name == ('collections', 'deque'):
            return ['x', *name, self.encode(list(value)), value.maxlen]
        if name in REBUILT:
            return ['x', *name, *self.encode_all(value.__reduce__()[1])]
        if kind.__module__ == 'numpy':
            return self.encode(value.tolist())
        return self.keep(value)

    def decode_all(self, items):
        return [self.decode(item) for item in items]

    def decode(self, item):
        if type(item) is not list:
            return item
        tag, *rest = item
        if tag == 'L':
            return rest
        if tag == 'i':
            return int(rest[0], 16)
        if tag in SEQUENCES:
            return SEQUENCES[tag](self.decode_all(rest))
        if tag == 'd':
            return {self.decode(k): self.decode(v) for k, v in rest}
        if tag in ('bytes', 'bytearray'):
            return TYPES[tag].fromhex(rest[0])
        if tag == 'c':
            return complex(*rest)
        if tag == 'r':
            return range(*self.decode_all(rest))
        if tag == 'T':
            return TYPES[rest[0]]
        if tag == 'x':
            module, name, *arguments = rest
            if (module, name) not in REBUILT:
                raise ValueError('no such type')
            return getattr(importlib.import_module(module), name)(
                *self.decode_all(arguments))
        if tag == 'iterator':
            return iter(self.decode_all(rest))
        if tag == 'mine':
            return self.stand_in(rest[0])
        if tag == 'yours':
            return self.kept[rest[0]]
        raise ValueError('no such value')

    def number(self, value):
        if id(value) not in self.numbers:
            self.numbers[id(value)] = len(self.kept)
            self.kept.append(value)
        return self.numbers[id(value)]

    # ---- questions ----

    def send(self, message):
        data = json.dumps(message).encode() + b'\n'
        while data:
            data = data[os.write(self.fd, data):]

    def receive(self):
        line = self.reader.readline()
        if not line.endswith(b'\n'):
            self.lost()
        return json.loads(line)

    def ask(self, operation, number, arguments=(), named={}):
        """What the other side's object answers, after whatever it asks in between."""
        self.send(['?', operation, number, self.encode_all(arguments),
                   {name: self.encode(value) for name, value in named.items()}])
        while True:
            kind, *message = self.receive()
            if kind != '?':
                break
            self.serve(*message)
        if kind == '!':
            raise self.error(*message)
        result, changes = message
        for place, value in changes:
            replace(arguments[place], self.decode(value))
        if type(result) is list and result[0] == 'argument':
            return arguments[result[1]]
        return self.decode(result)

    def serve(self, operation, number, items, named):
        try:
            arguments = self.decode_all(items)
            result = self.perform(operation, number, arguments,
                                  {name: self.decode(item) for name, item in named.items()})
            changes = []
            for place, value in enumerate(arguments):
                if type(value) in MUTABLE:
                    after = self.encode(value)
                    if after != items[place]:
                        changes.append([place, after])
            for place, value in enumerate(arguments):
                if value is result and type(value) in MUTABLE:
                    answer = ['argument', place]
                    break
            else:
                answer = self.encode(result)
            message = ['=', answer, changes]
        except BaseException as error:
            kinds = [kind.__name__ for kind in type(error).__mro__]
            message = ['!', kinds, str(error)]
        self.send(message)

    def error(self, kinds, text):
        """The nearest of Python's own exceptions, of those that end nothing."""
        for name in kinds:
            kind = getattr(builtins, name, None)
            if isinstance(kind, type) and issubclass(kind, Exception):
                try:
                    return kind(text)
                except TypeError:
                    continue
        return RuntimeError(f'{kinds[0]}: {text}')


def take_link():
    """The socket that is standard input, which ends from now on at once; and one process
    of at most 64 threads."""
    import resource
    resource.setrlimit(resource.RLIMIT_NPROC, (64, 64))
    fd, null = os.dup(0), os.open('/dev/null', os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return fd


def read_source(path):
    with open(path, encoding='utf-8') as file:
        return file.read()
