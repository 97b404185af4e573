/** The public names of `sms-send-guard/testing`. */

export { createTestGuard, type TestGuard, type TestGuardOptions } from './test-guard.ts';
export { signedWebhook } from './signed-webhook.ts';
export {
  storeConformance,
  type ConformanceTest,
  type StoreFactory,
  type StoreUnderTest,
} from './store-conformance.ts';
export {
  startSimulator,
  type RecordedRequest,
  type Simulator,
  type SimulatorOptions,
  type WebhookResult,
} from './simulator/simulator.ts';
export type { SentMessage } from './simulator/endpoints.ts';
export type { EndpointName, Fault } from './simulator/faults.ts';
export type { ListBehaviour, OptOutList } from './simulator/opt-out-list.ts';
export type { SigMethod } from './simulator/signing.ts';
export type { WebhookHttp, WebhookSpec } from './simulator/webhook-request.ts';
