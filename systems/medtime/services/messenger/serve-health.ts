import { createServer } from 'node:http'
import type { MessengerMetrics } from './messenger-metrics.ts'

/**
 * Tells a deployment whether the process lives (`/health`) and can serve (`/health/ready`), and what it has measured (`/metrics`).
 * @param ready rejects while it cannot
 */
export async function serveHealth(options: {
  host: string
  port: number
  ready: () => Promise<void>
  metrics: MessengerMetrics
}): Promise<{ close(): Promise<void> }> {
  const { ready, metrics } = options
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    const answer = (status: number, body: string, type = 'application/json') =>
      response.writeHead(status, { 'content-type': type }).end(body)
    if (request.method !== 'GET') return void answer(404, '{"status":"unknown"}')
    switch (request.url) {
      case '/health':
        return void answer(200, '{"status":"ok"}')
      case '/health/ready':
        return void ready().then(
          () => answer(200, '{"status":"ok"}'),
          () => answer(503, '{"status":"unavailable"}'),
        )
      case '/metrics':
        return void metrics.text().then(
          (text) => answer(200, text, metrics.contentType),
          () => answer(500, '{"status":"unavailable"}'),
        )
      default:
        return void answer(404, '{"status":"unknown"}')
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
      }),
  }
}
