import { Agent, request } from 'node:http'

/** One request. */
export interface Call {
  method: 'GET' | 'POST' | 'PUT'
  path: string
  headers: Record<string, string>
  body: string | Uint8Array<ArrayBuffer> | undefined
  /** Status of an answer that says yes; 200 unless told. */
  yes?: number
  /** Given the answer, when it is there; without it the answer is not kept. */
  done?(answer: string): void
}

/** Requests to one server; each is asked for anew. */
export interface Target {
  address: string
  next(n: number): Call
}

export interface Measured {
  /** Milliseconds of each answered request. */
  latencies: number[]
  seconds: number
}

/**
 * Keeps `connections` requests in flight for a time, each connection sending its next request when the last was answered.
 * Rejects at the first answer that does not say yes.
 */
export async function load(target: Target, connections: number, seconds: number): Promise<Measured> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const latencies: number[] = []
  let count = 0
  const started = performance.now()
  const end = started + seconds * 1000
  const worker = async () => {
    while (performance.now() < end) {
      const call = target.next(count++)
      const sent = performance.now()
      await exchange(agent, target.address, call)
      latencies.push(performance.now() - sent)
    }
  }
  try {
    await Promise.all(Array.from({ length: connections }, worker))
  } finally {
    agent.destroy()
  }
  return { latencies, seconds: (performance.now() - started) / 1000 }
}

/** Resolves when the answer is there and was given to the call. Rejects for an answer that does not say yes. */
export async function exchange(agent: Agent, address: string, call: Call): Promise<void> {
  const answer = await answerOf(agent, address, call)
  call.done?.(answer)
}

function answerOf(agent: Agent, address: string, call: Call): Promise<string> {
  const { method, path, headers, body, done, yes = 200 } = call
  return new Promise((resolve, reject) => {
    const outgoing = request(`${address}${path}`, { agent, method, headers }, (answer) => {
      if (answer.statusCode !== yes) reject(new Error(`${method} ${path} answered ${answer.statusCode}`))
      const parts: Buffer[] = []
      answer.on('error', reject)
      answer.on('end', () => resolve(Buffer.concat(parts).toString('utf8')))
      if (done) answer.on('data', (part: Buffer) => parts.push(part))
      else answer.resume()
    })
    // A connection that nobody used for a while may be ended by the server while it is taken up again; what is sent twice counts once.
    outgoing.on('error', (error) => {
      if (outgoing.reusedSocket) answerOf(agent, address, call).then(resolve, reject)
      else reject(error)
    })
    outgoing.end(body)
  })
}
