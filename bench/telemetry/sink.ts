import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'

/** Takes whatever a service sends of itself, and counts the spans by a mark that each has, without parsing: it must not be what is measured. */
export interface Sink {
  address: string
  dsn: string
  spans(): number
  stop(): Promise<void>
}

export async function startSink(): Promise<Sink> {
  let spans = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (request.url === '/v1/traces')
        spans += Buffer.concat(chunks).toString('latin1').split('"startTimeUnixNano"').length - 1
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const port = portOf(server.address())
  return {
    address: `http://127.0.0.1:${port}`,
    dsn: `http://key@127.0.0.1:${port}/1`,
    spans: () => spans,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const portOf = (address: string | AddressInfo | null) => z.object({ port: z.int() }).parse(address).port
