# Stands before CMake samples of the documents: the project of a user, who has a program.c.
cmake_minimum_required(VERSION 3.18)
project(sample LANGUAGES C)
add_executable(program program.c)
