import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ApiErrorCode } from './api-error.ts'
import { routes } from './routes.ts'

/*
 * The measurements of the plan that this service emits, with the label values of the plan; anything else becomes `other`, so
 * that nothing a client sends can appear in one. A test holds both lists against the plan.
 */

const endpoints = new Set<string>(Object.values(routes).map((route) => route.path))
const methods = new Set(['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'])
const statusCodes = new Set(['200', '400', '401', '404', '409', '410', '413', '415', '422', '500', '503', '504'])
const tiers = new Set(['free', 'pro', 'perfect', 'none'])
const entityTypes = new Set(['medication', 'dose'])
const faults = new Set<string>(['INTERNAL', 'UNAVAILABLE', 'TIMEOUT'] satisfies ApiErrorCode[])

const allowed = (values: ReadonlySet<string>, value: string) => (values.has(value) ? value : 'other')

export interface RequestMeasure {
  method: string
  /** The route's own path, never the address that was asked for. */
  endpoint: string
  status: number
  tier: string
  seconds: number
  errorCode: string | undefined
}

export type SyncStatus = 'success' | 'failure' | 'conflict' | 'rejected' | 'expired'

export interface Metrics {
  request(measure: RequestMeasure): void
  sync(operation: 'push' | 'pull' | 'status', status: SyncStatus, seconds: number): void
  conflicts(count: number): void
  blob(entityType: string, bytes: number): void
  statement(seconds: number): void
  /** A request refused for want of an identity; `presented` when it carried a token. */
  refused(presented: boolean): void
  syncStarted(): void
  syncEnded(): void
  text(): Promise<string>
  contentType: string
}

/** @param waiting how many requests wait for a connection, asked when the measurements are read */
export function createMetrics(waiting: () => number): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const requests = new Counter({
    name: 'http_requests_total',
    help: 'Requests answered.',
    labelNames: ['method', 'endpoint', 'status_code', 'tier'],
    registers,
  })
  const errors = new Counter({
    name: 'http_errors_total',
    help: 'Requests that failed through a fault of ours: status 500 and above.',
    labelNames: ['endpoint', 'error_code', 'tier'],
    registers,
  })
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to answer a request.',
    labelNames: ['endpoint', 'method'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  })
  new Gauge({
    name: 'db_connections_waiting',
    help: 'Requests that wait for a connection of the pool.',
    registers,
    collect() {
      this.set(waiting())
    },
  })
  const statements = new Histogram({
    name: 'db_query_duration_seconds',
    help: 'Time of a statement.',
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  })
  const operations = new Counter({
    name: 'sync_operations_total',
    help: 'Pushes and pulls, by how they ended.',
    labelNames: ['operation_type', 'status'],
    registers,
  })
  const conflicts = new Counter({
    name: 'sync_conflicts_total',
    help: 'Entities refused because of their version.',
    registers,
  })
  const sizes = new Histogram({
    name: 'sync_blob_size_bytes',
    help: 'Size of an encrypted entity.',
    labelNames: ['entity_type'],
    buckets: [256, 1024, 4096, 16384, 65536, 262144, 1048576],
    registers,
  })
  const syncDurations = new Histogram({
    name: 'sync_duration_seconds',
    help: 'Time of a push or a pull.',
    labelNames: ['direction'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  })
  const depth = new Gauge({
    name: 'sync_queue_depth',
    help: 'Sync requests received and not yet answered.',
    registers,
  })
  const failures = new Counter({
    name: 'auth_failures_total',
    help: 'Requests refused for want of a valid identity.',
    registers,
  })
  const invalid = new Counter({ name: 'invalid_jwt_total', help: 'Tokens refused.', registers })
  return {
    request: ({ method, endpoint, status, tier, seconds, errorCode }) => {
      const labels = { method: allowed(methods, method), endpoint: allowed(endpoints, endpoint) }
      const allowedTier = allowed(tiers, tier)
      requests.inc({ ...labels, status_code: allowed(statusCodes, String(status)), tier: allowedTier })
      durations.observe(labels, seconds)
      if (status >= 500) {
        const code = allowed(faults, errorCode ?? '')
        errors.inc({ endpoint: labels.endpoint, error_code: code, tier: allowedTier })
      }
    },
    sync: (operation, status, seconds) => {
      operations.inc({ operation_type: operation, status })
      if (operation !== 'status') syncDurations.observe({ direction: operation }, seconds)
    },
    conflicts: (count) => conflicts.inc(count),
    blob: (entityType, bytes) => sizes.observe({ entity_type: allowed(entityTypes, entityType) }, bytes),
    statement: (seconds) => statements.observe(seconds),
    refused: (presented) => {
      failures.inc()
      if (presented) invalid.inc()
    },
    syncStarted: () => depth.inc(),
    syncEnded: () => depth.dec(),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
