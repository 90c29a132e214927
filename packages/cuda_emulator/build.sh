#!/bin/sh
# Compile the emulated driver into a file, such as libcuda.so: build.sh FILE
set -e
here=$(cd "$(dirname "$0")" && pwd)
g++ -std=c++17 -shared -fPIC -O2 -Wall -Wextra "-DKERNEL_H=\"$here/kernel.h\"" -o "$1" "$here"/*.cpp -ldl
