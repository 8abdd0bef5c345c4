import { createMetrics as fromPlan } from 'aval/telemetry'
import plan from '../../../plan.ts'
import { worstAddress } from '../limits/worst-address.ts'

/*
 * What this service measures, in its own words. Names, labels, buckets and the values a label may take stand in the plan and
 * nowhere else: what the plan does not list is not emitted, and nothing a client sends can appear in a label.
 */

export interface RequestMeasure {
  method: string
  /** The route's own path, never the address that was asked for. */
  endpoint: string
  status: number
  tier: string
  seconds: number
  /** Sent in answer, head and body. */
  bytes: number
  errorCode: string | undefined
}

export type SyncStatus = 'success' | 'failure' | 'conflict' | 'rejected' | 'expired'

export interface Metrics {
  request(measure: RequestMeasure): void
  sync(operation: 'push' | 'pull' | 'status', status: SyncStatus, seconds: number): void
  conflicts(count: number): void
  /** A prescription was read, was refused, or failed. */
  ocr(status: 'success' | 'rejected' | 'failure'): void
  blob(entityType: string, bytes: number): void
  statement(seconds: number): void
  /** A request refused for want of an identity; `presented` when it carried a token. */
  refused(presented: boolean): void
  /** A request refused by a limit. The address stays here: what is told is how often the worst one was refused. */
  limited(limit: string, tier: string, address: string): void
  /** Whether an answer of the catalog was found in its cache. */
  cache(outcome: 'hit' | 'miss'): void
  /** An app crashed, hung, or was ended for want of memory. */
  appCrash(platform: string, version: string, kind: string): void
  /** An event of use. */
  appEvent(event: string, tier: string, role: string): void
  syncStarted(): void
  syncEnded(): void
  text(): Promise<string>
  contentType: string
}

/** What every service measures of its requests. */
export type HttpMetrics = Pick<Metrics, 'request' | 'statement' | 'refused' | 'limited' | 'text' | 'contentType'>

/** What the metrics of each service that answers requests can do. */
interface RequestMetrics {
  count(name: 'http_requests_total', labels: Record<'method' | 'endpoint' | 'status_code' | 'tier', string>): void
  count(name: 'http_response_bytes_total', labels: Record<'endpoint', string>, by: number): void
  count(name: 'http_errors_total', labels: Record<'endpoint' | 'error_code' | 'tier', string>): void
  observe(name: 'http_request_duration_seconds', value: number, labels: Record<'endpoint' | 'method', string>): void
}

/** Measures a request that was answered, whichever service answered it. */
export function requestMeasure(metrics: RequestMetrics): Metrics['request'] {
  return ({ method, endpoint, status, tier, seconds, bytes, errorCode }) => {
    metrics.count('http_requests_total', { method, endpoint, status_code: String(status), tier })
    metrics.count('http_response_bytes_total', { endpoint }, bytes)
    metrics.observe('http_request_duration_seconds', seconds, { endpoint, method })
    // A client's own fault is no error of the service.
    if (status >= 500) metrics.count('http_errors_total', { endpoint, error_code: errorCode ?? 'other', tier })
  }
}

/** @param waiting how many requests wait for a connection, asked when the measurements are read */
export function createMetrics(waiting: () => number, metrics = fromPlan(plan.telemetry, 'api')): Metrics {
  let syncing = 0
  metrics.read('db_connections_waiting', waiting)
  metrics.read('sync_queue_depth', () => syncing)
  const refusals = worstAddress(() => Date.now())
  metrics.read('rate_limit_worst_address_rejections', refusals.most)
  return {
    request: requestMeasure(metrics),
    sync: (operation, status, seconds) => {
      metrics.count('sync_operations_total', { operation_type: operation, status })
      if (operation !== 'status') metrics.observe('sync_duration_seconds', seconds, { direction: operation })
    },
    conflicts: (count) => metrics.count('sync_conflicts_total', {}, count),
    ocr: (status) => metrics.count('ocr_requests_total', { status }),
    blob: (entityType, bytes) => metrics.observe('sync_blob_size_bytes', bytes, { entity_type: entityType }),
    statement: (seconds) => metrics.observe('db_query_duration_seconds', seconds),
    refused: (presented) => {
      metrics.count('auth_failures_total')
      if (presented) metrics.count('invalid_jwt_total')
    },
    limited: (limit, tier, address) => {
      metrics.count('rate_limit_exceeded_total', { limit, tier })
      refusals.note(address)
    },
    cache: (status) => metrics.count('cache_requests_total', { status }),
    appCrash: (platform, version, kind) => metrics.count('app_crashes_total', { platform, version, error_type: kind }),
    appEvent: (event, tier, role) => metrics.count('app_events_total', { event, tier, role }),
    syncStarted: () => {
      syncing++
    },
    syncEnded: () => {
      syncing--
    },
    text: metrics.text,
    contentType: metrics.contentType,
  }
}
