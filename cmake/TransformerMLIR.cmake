# Finds the one supported LLVM/MLIR release and defines the helpers that the
# rest of the build uses. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

set(TRANSFORMER_LLVM_MAJOR 22)
find_package(MLIR ${TRANSFORMER_LLVM_MAJOR}.1 CONFIG QUIET
  HINTS /usr/lib/llvm-${TRANSFORMER_LLVM_MAJOR}/lib/cmake/mlir)
if(NOT MLIR_FOUND)
  message(FATAL_ERROR
    "MLIR ${TRANSFORMER_LLVM_MAJOR}.1 was not found. On Debian or Ubuntu: apt-get install "
    "llvm-22-dev libmlir-22-dev mlir-22-tools clang-22 lld-22. Elsewhere: pass -DMLIR_DIR=.../lib/cmake/mlir.")
endif()

# Fits of compression passes are LAPACK's work.
find_library(TRANSFORMER_OPENBLAS openblas)
find_path(TRANSFORMER_CBLAS cblas.h)
if(NOT TRANSFORMER_OPENBLAS OR NOT TRANSFORMER_CBLAS)
  message(FATAL_ERROR "OpenBLAS was not found. On Debian or Ubuntu: apt-get install libopenblas-dev. Elsewhere: pass "
    "-DTRANSFORMER_OPENBLAS=.../libopenblas.so -DTRANSFORMER_CBLAS=(directory of cblas.h).")
endif()

list(APPEND CMAKE_MODULE_PATH ${LLVM_CMAKE_DIR} ${MLIR_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)

include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
include_directories(${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/include)
separate_arguments(LLVM_DEFINITIONS_LIST NATIVE_COMMAND "${LLVM_DEFINITIONS}")
add_definitions(${LLVM_DEFINITIONS_LIST})

# transformer_tablegen(Layer TdFile OutFile generator...): one generated header
# below <build>/include/transformer/<Layer>/. All of them hang on the target
# TransformerTableGen, which every library depends on.
add_custom_target(TransformerTableGen)
function(transformer_tablegen layer td out)
  set(output ${PROJECT_BINARY_DIR}/include/transformer/${layer}/${out})
  set(input ${PROJECT_SOURCE_DIR}/include/transformer/${layer}/${td})
  file(GLOB tds CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/transformer/*/*.td)
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include/transformer/${layer})
  add_custom_command(OUTPUT ${output}
    COMMAND ${MLIR_INSTALL_PREFIX}/bin/mlir-tblgen ${ARGN} ${input}
      -I ${PROJECT_SOURCE_DIR}/include -I ${MLIR_INCLUDE_DIRS} -o ${output}
    DEPENDS ${tds} COMMENT "Generating transformer/${layer}/${out}")
  string(MAKE_C_IDENTIFIER "tablegen_${layer}_${out}" name)
  add_custom_target(${name} DEPENDS ${output})
  add_dependencies(TransformerTableGen ${name})
endfunction()

# transformer_library(Layer libs...): a static library Transformer<Layer> of
# lib/<Layer>/**.cpp that may use `libs`. It links the shared MLIR and LLVM
# only: the static MLIR libraries beside them would be a second copy of
# everything.
function(transformer_library layer)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/lib/${layer}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_library(Transformer${layer} STATIC ${sources})
  add_dependencies(Transformer${layer} TransformerTableGen)
  target_link_libraries(Transformer${layer} PUBLIC ${ARGN} MLIR LLVM)
  if(TRANSFORMER_PCH AND NOT layer STREQUAL "Support")
    if(TARGET TransformerIR AND NOT layer STREQUAL "IR")
      target_precompile_headers(Transformer${layer} REUSE_FROM TransformerIR)
    else()
      target_precompile_headers(Transformer${layer} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/Precompiled.h)
    endif()
  endif()
endfunction()

# transformer_tool(name libs...): an executable of tools/<name>/*.cpp.
function(transformer_tool name)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/${name}/*.cpp)
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${ARGN})
  if(TRANSFORMER_PCH)
    target_precompile_headers(${name} REUSE_FROM TransformerIR)
  endif()
  install(TARGETS ${name} RUNTIME DESTINATION bin)
  set_property(GLOBAL APPEND PROPERTY TRANSFORMER_TOOLS ${name})
endfunction()
