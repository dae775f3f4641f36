export { rowFormat } from './format.js';
