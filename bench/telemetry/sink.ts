import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'

/** Takes whatever a service sends of itself, and counts spans and lines by a mark that each has, without parsing: it must not be what is measured. */
export interface Sink {
  address: string
  dsn: string
  spans(): number
  lines(): number
  stop(): Promise<void>
}

export async function startSink(): Promise<Sink> {
  let spans = 0
  let lines = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const marks = (mark: string) => Buffer.concat(chunks).toString('latin1').split(mark).length - 1
      if (request.url === '/v1/traces') spans += marks('"startTimeUnixNano"')
      else if (request.url === '/v1/logs') lines += marks('"severityNumber"')
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const port = portOf(server.address())
  return {
    address: `http://127.0.0.1:${port}`,
    dsn: `http://key@127.0.0.1:${port}/1`,
    spans: () => spans,
    lines: () => lines,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const portOf = (address: string | AddressInfo | null) => z.object({ port: z.int() }).parse(address).port
