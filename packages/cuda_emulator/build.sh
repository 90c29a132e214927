#!/bin/sh
# Compile the emulated driver into a file, such as libcuda.so, all parts at once, as they read the same headers:
# build.sh FILE
set -e
here=$(cd "$(dirname "$0")" && pwd)
for part in "$here"/*.cpp; do echo "#include \"$part\""; done |
    # a longjmp that _FORTIFY_SOURCE checks refuses to go to another stack
    g++ -std=c++17 -shared -fPIC -O1 -U_FORTIFY_SOURCE -Wall -Wextra "-DKERNEL_H=\"$here/kernel.h\"" -x c++ -o "$1" - -ldl
