# The libraries of skua as one target, skua_deps, and OpenMP as skua_openmp.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(SKUA_LIBS REQUIRED IMPORTED_TARGET zlib spng libjpeg libarchive yaml-0.1 jansson libcurl libcrypto)

# oneDNN 2.6 and 3.x: neither Debian nor Ubuntu ships a pkg-config file for it.
find_path(DNNL_INCLUDE dnnl.h REQUIRED)
find_library(DNNL_LIBRARY dnnl REQUIRED)

add_library(skua_deps INTERFACE)
target_include_directories(skua_deps SYSTEM INTERFACE ${DNNL_INCLUDE})
target_link_libraries(skua_deps INTERFACE PkgConfig::SKUA_LIBS ${DNNL_LIBRARY} Threads::Threads m ${CMAKE_DL_LIBS})

# GCC's OpenMP, whose pool oneDNN shares. The thread sanitizer does not know that library and would report its barriers
# as races, and clang has a library of its own: both builds leave the pragmas out and only link GCC's (clang's header,
# of libomp-dev, declares the same functions).
add_library(skua_openmp INTERFACE)
if(CMAKE_C_COMPILER_ID STREQUAL GNU AND NOT SKUA_SANITIZE STREQUAL thread)
    find_package(OpenMP REQUIRED COMPONENTS C)
    target_link_libraries(skua_openmp INTERFACE OpenMP::OpenMP_C)
else()
    target_compile_options(skua_openmp INTERFACE -Wno-unknown-pragmas)
    target_link_libraries(skua_openmp INTERFACE gomp)
endif()
