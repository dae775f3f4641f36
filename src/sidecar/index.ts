export { findPython, type PythonCommand } from './python.js';
export { findRustPeer } from './rust.js';
