import { Agent, request } from 'node:http'

/** One request, as it is due. */
export interface Call {
  kind: 'pull' | 'push'
  method: 'GET' | 'POST'
  path: string
  headers: Record<string, string>
  body: string | undefined
  /** Given the answer, when it is there. */
  done(answer: string): void
}

export interface Arrived {
  kind: Call['kind']
  /** From when it was due, not from when it was sent: a server that is behind makes nobody else come later. */
  ms: number
}

/** Sends so many requests a second, evenly, whether or not those before were answered. Rejects at the first answer other than 200. */
export async function arrive(address: string, rate: number, seconds: number, next: () => Call): Promise<Arrived[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  const arrived: Arrived[] = []
  const open: Promise<void>[] = []
  const started = performance.now()
  const count = rate * seconds
  let failed: unknown
  try {
    for (let sent = 0; sent < count && failed === undefined; ) {
      const due = started + (sent * 1000) / rate
      if (due > performance.now()) {
        await new Promise((resolve) => setTimeout(resolve, Math.max(1, due - performance.now())))
        continue
      }
      const call = next()
      open.push(
        exchange(agent, address, call).then(
          (answer) => {
            arrived.push({ kind: call.kind, ms: performance.now() - due })
            call.done(answer)
          },
          (error: unknown) => {
            failed ??= error
          },
        ),
      )
      sent++
    }
    await Promise.all(open)
  } finally {
    agent.destroy()
  }
  if (failed !== undefined) throw failed
  return arrived
}

/** Keeps so many requests in flight for a time. @returns how many a second were answered. */
export async function crowd(address: string, connections: number, seconds: number, next: () => Call): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const started = performance.now()
  let answered = 0
  try {
    await Promise.all(
      Array.from({ length: connections }, async () => {
        while (performance.now() < started + seconds * 1000) {
          const call = next()
          call.done(await exchange(agent, address, call))
          answered++
        }
      }),
    )
  } finally {
    agent.destroy()
  }
  return (answered * 1000) / (performance.now() - started)
}

function exchange(
  agent: Agent,
  address: string,
  { method, path, headers, body }: Pick<Call, 'method' | 'path' | 'headers' | 'body'>,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${address}${path}`, { agent, method, headers }, (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part))
      answer.on('error', reject)
      answer.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8')
        if (answer.statusCode === 200) resolve(text)
        else reject(new Error(`${method} ${path} answered ${answer.statusCode}: ${text.slice(0, 200)}`))
      })
    })
    // A connection that nobody used for a while may be ended by the server while it is taken up again; what is sent twice counts once.
    outgoing.on('error', (error) => {
      if (outgoing.reusedSocket) exchange(agent, address, { method, path, headers, body }).then(resolve, reject)
      else reject(error)
    })
    outgoing.end(body)
  })
}
