import sys

print('checking', sys.argv[2])
