import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { z } from 'zod'
import type { Silences } from './silences.ts'

/** Where jobs tell that they are alive. */
export interface Receiver {
  /** `http://127.0.0.1:4950/heartbeats`; a probe's name follows. */
  url: string
  stop(): Promise<void>
}

const path = /^\/heartbeats\/([A-Za-z][\w-]*)$/
/** What a browser says of itself and no job does: a page that somebody looks at must not speak for a job. */
const browserHeaders = ['origin', 'sec-fetch-site']
const patienceMs = 5_000

/**
 * Listens on the loopback interface for signs of life: GET or POST of a probe's name, answered once it is on the disk. What a request holds besides is not
 * read.
 * @param wantedPort the port jobs know; a free one is taken when it is in use.
 */
export async function startReceiver(
  silences: Pick<Silences, 'heard' | 'silentMs'>,
  wantedPort: number | undefined,
): Promise<Receiver> {
  const server = createServer({ maxHeaderSize: 8_192 }, (request, response) => answer(request, response, silences))
  server.requestTimeout = patienceMs
  server.headersTimeout = patienceMs
  server.maxConnections = 64
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  try {
    await listen(wantedPort ?? 0)
  } catch (error) {
    if (wantedPort === undefined) throw error
    await listen(0)
  }
  const { port } = z.object({ port: z.int() }).parse(server.address())
  return {
    url: `http://127.0.0.1:${port}/heartbeats`,
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

function answer(
  { headers, method, url = '' }: IncomingMessage,
  response: ServerResponse,
  silences: Pick<Silences, 'heard' | 'silentMs'>,
): void {
  const say = (status: number, text: string) =>
    response.writeHead(status, { connection: 'close', 'content-type': 'text/plain' }).end(`${text}\n`)
  if (browserHeaders.some((name) => headers[name] !== undefined)) return void say(403, 'not from a browser')
  if (method !== 'GET' && method !== 'POST') return void say(405, 'GET or POST')
  const probe = path.exec(url)?.[1]
  if (probe === undefined || silences.silentMs(probe) === undefined) return void say(404, 'no heartbeat of that name')
  try {
    silences.heard(probe)
  } catch {
    return void say(500, 'it could not be written down')
  }
  say(200, 'heard')
}
