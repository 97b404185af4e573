/**
 * An SMS-sending service: Express, the official provider SDK, and the guard in front of it. Everything about opt-outs
 * is in the lines that name `guard`.
 */

import { Auth } from '@vonage/auth';
import { Vonage } from '@vonage/server-sdk';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { createGuard, vonage, type Guard, type GuardOptions } from 'sms-send-guard';

export interface ServiceOptions {
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly signatureSecret: string;
  /** Where the provider is; left out: the real one. */
  readonly providerUrl?: string;
  /** How the list is read. */
  readonly refresh?: GuardOptions['refresh'];
  /** Where opt-outs are kept. */
  readonly store?: GuardOptions['store'];
  /** Takes the place of the guard that is made from the options. */
  readonly guard?: Guard;
  /** What happens to a request some of whose recipients opted out. Default: the whole request is refused. */
  readonly onBlocked?: 'reject' | 'strip' | 'observe';
}

export interface Service {
  readonly app: Express;
  readonly guard: Guard;
}

/** Creates the service; the caller listens, and closes the guard. */
export function createService(options: ServiceOptions): Service {
  const { apiKey, apiSecret, signatureSecret, providerUrl, onBlocked = 'reject' } = options;
  const guard =
    options.guard ??
    createGuard({
      provider: vonage({ apiKey, apiSecret, ...(providerUrl === undefined ? {} : { baseUrl: providerUrl }) }),
      ...(options.refresh === undefined ? {} : { refresh: options.refresh }),
      ...(options.store === undefined ? {} : { store: options.store }),
    });
  const hosts = providerUrl === undefined ? {} : { restHost: providerUrl, apiHost: providerUrl };
  const sender = new Vonage(new Auth({ apiKey, apiSecret }), hosts);
  const app = express();

  // Before any body parser: signatures are checked over the bytes as they came.
  app.use(
    '/webhooks/sms',
    guard.webhooks({
      signature: { secret: signatureSecret, method: 'sha256' },
      jwt: { secret: signatureSecret },
    }),
  );
  app.use(express.json());

  // Nothing gets past the guard to somebody who opted out.
  app.post('/messages', guard.middleware({ onBlocked }), async (req: Request, res: Response) => {
    const { from = '73737', text } = req.body as { from?: string; text: string };
    // The numbers that may be sent to, as digits, whatever `onBlocked` is: never what was written in the request.
    const to = req.sendGuard?.allowed ?? [];
    const sent: (string | undefined)[] = [];
    for (const number of to) {
      const reply = await sender.sms.send({ to: number, from, text });
      sent.push(reply.messages[0]?.['message-id']);
    }
    res.status(202).json({ to, sent });
  });

  app.post('/resubscribe', async (req: Request, res: Response) => {
    res.json(await guard.resubscribe((req.body as { to: string }).to));
  });

  app.get('/health', (_req: Request, res: Response) => {
    const status = guard.status();
    res.status(status.ready ? 200 : 503).json(status);
  });

  // Express knows an error handler by its four parameters.
  app.use((error: Error & { code?: string }, _req: Request, res: Response, _next: NextFunction) => {
    res.status(502).json({ error: error.code ?? error.message });
  });
  return { app, guard };
}
