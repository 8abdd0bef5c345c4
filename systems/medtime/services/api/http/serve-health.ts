import { createServer } from 'node:http'

/**
 * For a service that answers nobody else: tells a deployment whether the process lives (`/health`) and can serve (`/health/ready`),
 * and what it has measured (`/metrics`).
 * @param ready rejects while it cannot
 * @param tells what else it tells as JSON, by path
 */
export async function serveHealth(options: {
  host: string
  port: number
  ready: () => Promise<unknown>
  metrics: { text(): Promise<string>; contentType: string }
  tells?: Readonly<Record<string, () => Promise<object>>>
}): Promise<{ close(): Promise<void> }> {
  const { ready, metrics, tells = {} } = options
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
      default: {
        const told = tells[request.url ?? '']
        if (told === undefined) return void answer(404, '{"status":"unknown"}')
        return void told().then(
          (value) => answer(200, JSON.stringify(value)),
          () => answer(503, '{"status":"unavailable"}'),
        )
      }
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
