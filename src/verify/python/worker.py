# The worker: holds the program and does what the judge asks of its objects. The program
# shares this interpreter, so it can make it answer anything; it finds neither the tests
# nor a verdict here.
import operator

OPERATIONS = {
    'getattr': getattr, 'setattr': setattr, 'getitem': operator.getitem,
    'setitem': operator.setitem, 'iter': iter, 'next': next, 'len': len, 'bool': bool,
    'str': str, 'repr': repr, 'eq': operator.eq, 'lt': operator.lt, 'le': operator.le,
    'gt': operator.gt, 'ge': operator.ge,
    'isinstance': lambda kind, value: isinstance(value, kind),
}


class Worker(Link):
    def keep(self, value):
        if type(value) is types.FunctionType and hasattr(value, 'of_judge'):
            return ['yours', value.of_judge]
        return ['mine', self.number(value)]

    def stand_in(self, number):
        def function(*arguments, **named):
            return self.ask('call', number, arguments, named)
        function.of_judge = number
        return function

    def decode(self, item):
        if type(item) is list and item[0] == 'builtin':
            return getattr(importlib.import_module(item[1]), item[2])
        return super().decode(item)

    def perform(self, operation, number, arguments, named):
        if operation == 'names':
            return self.find(arguments[0])
        if operation == 'call':
            return self.kept[number](*arguments, **named)
        return OPERATIONS[operation](self.kept[number], *arguments)

    def find(self, names):
        """What the program has by these names: values, and the names of modules."""
        if failure:
            raise failure
        found = {name: scope[name] for name in names if name in scope}
        modules = {name: value.__name__ for name, value in found.items()
                   if isinstance(value, types.ModuleType)}
        return [{name: found[name] for name in found.keys() - modules.keys()}, modules]

    def lost(self):
        os._exit(0)


link = Worker(take_link())
scope = {'__name__': 'program', '__builtins__': __builtins__}
failure = None
try:
    exec(compile(read_source('/code/program.py'), 'program.py', 'exec'), scope)
except BaseException as error:
    failure = error
while True:
    link.serve(*link.receive()[1:])
