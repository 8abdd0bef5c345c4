import { definePlan } from '../plan/plan.ts'

/** The list of a small shop, whose names the compiler knows. */
export const list = definePlan({
  system: 'shop',
  telemetry: {
    metrics: {
      requests_total: { type: 'counter', help: 'Requests.', labels: ['method', 'status'], emittedBy: ['api'] },
      request_seconds: { type: 'histogram', help: 'Time.', buckets: [0.1, 1], emittedBy: ['api'] },
      waiting: { type: 'gauge', help: 'Waiting.', emittedBy: ['api'] },
      jobs_total: { type: 'counter', help: 'Jobs.', emittedBy: ['worker'] },
      telemetry_refused_total: {
        type: 'counter',
        help: 'Refused.',
        labels: ['kind', 'label'],
        emittedBy: ['api', 'worker'],
      },
    },
    labels: {
      method: ['GET', 'POST'],
      status: ['200', '500'],
      endpoint: ['/orders/{id}', '/orders'],
      kind: ['metric', 'label', 'value', 'field', 'attribute', 'event', 'span', 'full'],
      label: ['method', 'request_id', 'error_code', 'endpoint'],
    },
    values: { error_code: 'code', job: ['clean', 'mail'], query_id: 'name', status_code: ['200', '404', '500'] },
    logs: {
      fields: ['time', 'level', 'service', 'event', 'request_id', 'error_code', 'endpoint', 'count', 'trace_id'],
      events: ['listening', 'request', 'failed'],
      rotateAfter: '1d',
      keep: '2d',
    },
    traces: {
      spans: ['request', 'statement', 'call', 'job'],
      attributes: ['method', 'endpoint', 'status_code', 'query_id', 'job'],
    },
    errors: { fields: ['code', 'class', 'frames'] },
  },
}).telemetry
