export { findPython, findPythonPeer, type PythonCommand } from './python.js';
export { installAdvice } from './python-module.js';
export { findRustPeer } from './rust.js';
