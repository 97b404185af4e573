/** Express 4 is installed beside Express 5 under a name of its own; so are its types. */
declare module 'express4' {
  export { default } from 'express4-types';
  export * from 'express4-types';
}
