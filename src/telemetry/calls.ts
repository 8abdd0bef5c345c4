import { carried, runIn } from './trace-context.ts'
import type { Tracer } from './tracer.ts'

/**
 * `fetch` to a service of the same system: in a span of its own, with `traceparent` and the correlation header, so that what the other does
 * belongs to the same trace. Not meant for others' services, whom our ids do not concern.
 * @throws what `fetch` throws
 */
export async function callService(
  tracer: Tracer<'call', 'status_code'>,
  url: string | URL,
  init: RequestInit = {},
  correlationHeader = 'x-correlation-id',
): Promise<Response> {
  const span = tracer.begin('call', 'client')
  const headers = new Headers(init.headers)
  const ids = runIn(span.context, carried)
  if (ids !== undefined) {
    headers.set('traceparent', ids.traceparent)
    headers.set(correlationHeader, ids.correlationId)
  }
  try {
    const response = await fetch(url, { ...init, headers })
    span.end({ status_code: response.status }, response.status >= 500)
    return response
  } catch (thrown) {
    span.end({}, true)
    throw thrown
  }
}
