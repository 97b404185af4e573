/**
 * Bodies of requests as `fetch` knows them: read up to a limit, understood by their content type, written again. A
 * stream that grows over its limit is given up, and nothing here judges what a body says.
 */

/** A body that was read; or why there is none. */
export type ReadBody = Uint8Array | 'none' | 'too_large' | 'used';

/**
 * Reads a body up to `maxBytes`. What is longer is cancelled.
 *
 * @throws what the stream fails with.
 */
export async function readBody(request: Request, maxBytes: number): Promise<ReadBody> {
  if (request.bodyUsed || request.body?.locked === true) return 'used';
  if (request.body === null) return 'none';
  const reader = (request.body as ReadableStream<Uint8Array>).getReader();
  const giveUp = () => void reader.cancel().catch(() => undefined);
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) {
    giveUp();
    return 'too_large';
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value: chunk } = await reader.read();
    if (done) return Buffer.concat(chunks);
    size += chunk.length;
    if (size > maxBytes) {
      giveUp();
      return 'too_large';
    }
    chunks.push(chunk);
  }
}

/** How a body is written, by its content type. */
export type BodyForm = 'json' | 'form';

/** @returns `undefined` for any other. */
export function formOf(headers: Headers): BodyForm | undefined {
  const [type = ''] = (headers.get('content-type') ?? '').toLowerCase().split(';');
  if (/^application\/(?:[\w.-]+\+)?json$/.test(type.trim())) return 'json';
  return type.trim() === 'application/x-www-form-urlencoded' ? 'form' : undefined;
}

/**
 * What a body says. A parameter of a form that occurs more than once is an array.
 *
 * @throws SyntaxError for what is no JSON.
 */
export function parseBody(bytes: Uint8Array, form: BodyForm): unknown {
  const written = new TextDecoder().decode(bytes);
  if (form === 'json') return JSON.parse(written) as unknown;
  const values = new Map<string, string | string[]>();
  for (const [name, value] of new URLSearchParams(written)) {
    const before = values.get(name);
    values.set(name, before === undefined ? value : [before, value].flat());
  }
  return Object.fromEntries(values);
}

/** The request with another body of the same form. */
export function withBody(request: Request, body: unknown, form: BodyForm): Request {
  const headers = new Headers(request.headers);
  headers.delete('content-length');
  const written = form === 'json' ? JSON.stringify(body) : writeForm(body);
  return new Request(request, { method: request.method, headers, body: written });
}

function writeForm(body: unknown): string {
  const pairs = Object.entries(body as Record<string, string | readonly string[]>).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, one]),
  );
  return new URLSearchParams(pairs).toString();
}
