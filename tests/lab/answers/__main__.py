from tests.lab.answers import table

print(table())
