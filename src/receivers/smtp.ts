import { SMTPServer } from 'smtp-server'
import { z } from 'zod'

/** A server of SMTP on loopback that wants a password, and keeps what it took. */
export interface SmtpReceiver {
  /** With user and password. */
  url: string
  mails: { from: string; to: string[]; source: string }[]
  /** The next mails are answered with this status after their text, or their connection breaks once the text was taken. */
  fail(...faults: (number | 'lose-answer')[]): void
  stop(): Promise<void>
}

export async function startSmtp(): Promise<SmtpReceiver> {
  const mails: SmtpReceiver['mails'] = []
  const faults: (number | 'lose-answer')[] = []
  const connections = new Map<string, () => void>()
  const server = new SMTPServer({
    authMethods: ['PLAIN', 'LOGIN'],
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    onAuth: ({ username, password }, _, done) =>
      username === 'aval' && password === 'pass:word'
        ? done(null, { user: username })
        : done(Object.assign(new Error('Invalid login'), { responseCode: 535 })),
    onData: (stream, session, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const fault = faults.shift()
        if (typeof fault === 'number') return done(Object.assign(new Error('Refused'), { responseCode: fault }))
        const { mailFrom, rcptTo } = session.envelope
        mails.push({
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map(({ address }) => address),
          source: Buffer.concat(chunks).toString('utf8'),
        })
        if (fault === 'lose-answer') return connections.get(`${session.remoteAddress}:${session.remotePort}`)?.()
        done()
      })
    },
  })
  server.on('error', () => {})
  server.server.on('connection', (socket) =>
    connections.set(`${socket.remoteAddress}:${socket.remotePort}`, () => socket.destroy()),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = z.object({ port: z.int() }).parse(server.server.address())
  return {
    url: `smtp://aval:pass%3Aword@127.0.0.1:${port}`,
    mails,
    fail: (...next) => void faults.push(...next),
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
