# Compiler settings shared by every target, and the libraries they may use.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()

find_package(Threads REQUIRED)
find_package(Boost 1.83 REQUIRED COMPONENTS system json)
find_package(OpenSSL 3.0 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
pkg_check_modules(YAML_CPP REQUIRED IMPORTED_TARGET yaml-cpp)
find_package(GTest REQUIRED)
# Sanitizers bring an allocator of their own.
if(NOT LONGSHORE_SANITIZE)
  find_package(mimalloc REQUIRED)
endif()

add_library(longshore_options INTERFACE)
target_compile_options(longshore_options INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers -fno-omit-frame-pointer
  "SHELL:-Xclang -fno-pch-timestamp")
target_compile_definitions(longshore_options INTERFACE
  BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=64
  BOOST_ASIO_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED
  BOOST_ASIO_DISABLE_SERIAL_PORT
  LONGSHORE_VERSION="${PROJECT_VERSION}")
target_link_options(longshore_options INTERFACE -fuse-ld=lld-19)
target_include_directories(longshore_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(longshore_options INTERFACE Threads::Threads)

if(LONGSHORE_SANITIZE)
  target_compile_options(longshore_options INTERFACE -fsanitize=${LONGSHORE_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(longshore_options INTERFACE -fsanitize=${LONGSHORE_SANITIZE})
endif()
if(LONGSHORE_FUZZ)
  target_compile_options(longshore_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# One precompiled header for all targets: Asio and the standard library are most of every compile.
add_library(longshore_pch OBJECT ${PROJECT_SOURCE_DIR}/cmake/pch.cpp)
target_link_libraries(longshore_pch PUBLIC longshore_options Boost::headers)
target_precompile_headers(longshore_pch PRIVATE ${PROJECT_SOURCE_DIR}/cmake/pch.hpp)
