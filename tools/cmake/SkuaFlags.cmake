# Compiler flags: skua_flags for everything of ours, skua_kernel_flags() for kernel files by their suffix.
add_library(skua_flags INTERFACE)
target_compile_options(skua_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion -Werror -fno-math-errno)
target_compile_definitions(skua_flags INTERFACE
    _GNU_SOURCE
    SKUA_VERSION="${PROJECT_VERSION}"
    SKUA_RECIPE_DIR="${CMAKE_SOURCE_DIR}/recipes"
    SKUA_RECIPE_DIR_INSTALLED="${CMAKE_INSTALL_FULL_DATADIR}/skua/recipes")

if(SKUA_SANITIZE STREQUAL address)
    set(sanitizers -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
elseif(SKUA_SANITIZE STREQUAL thread)
    set(sanitizers -fsanitize=thread -fno-omit-frame-pointer -g)
elseif(SKUA_SANITIZE)
    message(FATAL_ERROR "SKUA_SANITIZE: expected address or thread, got '${SKUA_SANITIZE}'")
endif()
if(sanitizers)
    list(APPEND sanitizers -UNDEBUG) # asserts too
endif()
target_compile_options(skua_flags INTERFACE ${sanitizers})
target_link_options(skua_flags INTERFACE ${sanitizers})

if(SKUA_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
        message(FATAL_ERROR "SKUA_FUZZ needs clang: configure with -DCMAKE_C_COMPILER=clang")
    endif()
    target_compile_options(skua_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# File suffix = instruction set. The reference kernels are the judge of the others, so nothing is contracted in them.
# Processors other than x86-64 leave the files out and compile the rest with SK_NO_X86.
function(skua_kernel_flags list_name)
    set(avx2 -mavx2 -mfma -mf16c)
    set(avx512 ${avx2} -mavx512f -mavx512bw -mavx512vl -mavx512dq)
    set(avx512vnni ${avx512} -mavx512vnni)
    set(avx512bf16 ${avx512} -mavx512bf16)
    set(ref -ffp-contract=off)
    set(kept)
    foreach(source IN LISTS ${list_name})
        if(source MATCHES "/kern/.*_(avx2|avx512|avx512vnni|avx512bf16)\\.c$" AND NOT SKUA_X86)
            continue()
        endif()
        if(source MATCHES "/kern/.*_(avx2|avx512|avx512vnni|avx512bf16|ref)\\.c$")
            set(options ${${CMAKE_MATCH_1}})
            if(SKUA_FUZZ) # no fuzzer comes here, and instrumented they would take minutes to compile
                list(APPEND options -O1 -fno-sanitize=all)
            elseif(SKUA_SANITIZE AND source MATCHES "/kern/wino_") # the same at -O3
                list(APPEND options -O1 -fno-var-tracking)
            endif()
            set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${options}")
        endif()
        list(APPEND kept ${source})
    endforeach()
    set(${list_name} ${kept} PARENT_SCOPE)
endfunction()

string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" processor)
if(processor MATCHES "^(x86_64|amd64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
    set(SKUA_X86 TRUE)
else()
    set(SKUA_X86 FALSE)
    target_compile_definitions(skua_flags INTERFACE SK_NO_X86)
endif()
