import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'

/** One request as it arrived. */
export interface Arrived {
  path: string
  method: string
  headers: IncomingMessage['headers']
  body: string
}

/** What a receiver answers with. */
export interface Answer {
  status: number
  headers?: Record<string, string>
  body?: string
}

/** How the next requests go wrong, one each: an answer of its own, or none at all. */
export type Fault =
  /** The connection breaks before anything is taken. */
  | 'reset'
  /** Never answers and takes nothing. */
  | 'hang'
  /** Takes it, and the connection breaks before the answer. */
  | 'lose-answer'
  | Answer

export interface Receiver {
  origin: string
  /** Status of every answer, 0 where there was none. */
  answers: number[]
  fail(...faults: Fault[]): void
  /** Everything fails so until it is called with undefined. */
  failAlways(fault: Fault | undefined): void
  /** The next request is never answered, taken or not; resolves when it is there. */
  holdNext(taken: boolean): Promise<void>
  stop(): Promise<void>
}

/** A server on loopback that goes wrong when told; `take` judges a request as the provider does. */
export async function startReceiver(take: (request: Arrived) => Answer): Promise<Receiver> {
  const answers: number[] = []
  const faults: Fault[] = []
  let always: Fault | undefined
  const server = createServer(async (request, response) => {
    const arrived = {
      path: request.url ?? '',
      method: request.method ?? '',
      headers: request.headers,
      body: await bodyOf(request),
    }
    answers.push(answer(arrived, response))
  })
  let hold: { taken: boolean; arrived(): void } | undefined
  const answer = (request: Arrived, response: ServerResponse): number => {
    if (hold !== undefined) {
      if (hold.taken) take(request)
      hold.arrived()
      hold = undefined
      return 0
    }
    const fault = faults.shift() ?? always
    if (fault === 'hang') return 0
    if (fault === 'reset') {
      response.destroy()
      return 0
    }
    const { status, headers, body } = typeof fault === 'object' ? fault : take(request)
    if (fault === 'lose-answer') {
      response.destroy()
      return 0
    }
    response.writeHead(status, headers).end(body ?? '')
    return status
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${portOf(server.address())}`,
    answers,
    fail: (...next) => void faults.push(...next),
    failAlways: (fault) => {
      always = fault
    },
    holdNext: (taken) =>
      new Promise((resolve) => {
        hold = { taken, arrived: resolve }
      }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function portOf(address: string | AddressInfo | null): number {
  return z.object({ port: z.int() }).parse(address).port
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(z.instanceof(Buffer).parse(chunk))
  return Buffer.concat(chunks).toString('utf8')
}
