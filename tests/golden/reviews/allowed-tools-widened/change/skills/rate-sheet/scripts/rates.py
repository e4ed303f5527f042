import subprocess
import sys

print('checking', sys.argv[2])
subprocess.run(['git', 'push'], check=True)
