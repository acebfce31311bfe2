# Installs the CMake package TransformerMLIR: libraries, headers, .td files,
# the plugin and the files that find_package reads. Tools install themselves.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/TransformerMLIR)

foreach(name Support IR Interpreter Import Transforms Conversion CodeGen GPU Profile Pipelines InitAll Runtime RuntimeFiles)
  if(NOT TARGET Transformer${name})
    continue()
  endif()
  set_target_properties(Transformer${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(Transformer${name} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  install(TARGETS Transformer${name} EXPORT TransformerMLIRTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endforeach()
install(EXPORT TransformerMLIRTargets NAMESPACE TransformerMLIR:: DESTINATION ${package_dir})
install(TARGETS TransformerMLIRPlugin LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})

install(DIRECTORY include/transformer ${PROJECT_BINARY_DIR}/include/transformer
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h" PATTERN "*.td" PATTERN "*.inc")
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/transformer-mlir)

configure_package_config_file(cmake/TransformerMLIRConfig.cmake.in TransformerMLIRConfig.cmake
  INSTALL_DESTINATION ${package_dir}
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_BINDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(TransformerMLIRConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/TransformerMLIRConfig.cmake
  ${PROJECT_BINARY_DIR}/TransformerMLIRConfigVersion.cmake DESTINATION ${package_dir})
