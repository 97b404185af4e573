/** A module of the package that is no part of what it exports, from where the package was built. */
export async function builtModule<T>(file: string): Promise<T> {
  const url = new URL(`dist/${file}`, import.meta.resolve('sms-send-guard/package.json'));
  return (await import(url.href)) as T;
}
