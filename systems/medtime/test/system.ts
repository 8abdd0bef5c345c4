import { join } from 'node:path'
import { type Child, startChild } from '../../../src/process.ts'
import { freePort } from '../../../src/run/free-port.ts'
import { migrate, startTestServer } from './database.ts'

export interface TestSystem {
  api: string
  issuer: string
  /** The superuser of the database, and the owner of the schema. */
  adminUrl: string
  ownerUrl: string
  roleUrl: string
  /** The same for another role of the plan. */
  roleUrlOf(role: string): string
  /** What the API wrote to its log, and what it had written when it was last ended. */
  log(): string
  pastLog(): string
  /** A token for a user, signed by the issuer. */
  token(user: string, options?: { tier?: string; expiresIn?: number }): Promise<string>
  /** Ends the API with a signal and starts it again at the same address. */
  restartApi(signal: NodeJS.Signals): Promise<void>
  stop(): Promise<void>
}

const services = join(import.meta.dirname, '../services')

/** MedTime as it runs: Postgres, the issuer and the API, each a process of its own on free ports. */
export async function startSystem(
  settings: Record<string, string | number | boolean> = {},
  extra: Record<string, string> = {},
): Promise<TestSystem> {
  const server = await startTestServer(settings)
  const started: RunningService[] = []
  const stop = async () => {
    await Promise.all(started.map(({ child }) => child.stop()))
    await server.stop()
  }
  try {
    const database = await server.createDatabase('medtime')
    await migrate(database.ownerUrl)
    const roleUrl = database.roleUrl('medtime_api')
    const issuer = await startService('issuer', {}, await freePort())
    started.push(issuer)
    const environment = { DATABASE_URL: roleUrl, ISSUER_URL: issuer.address, ...extra }
    let api = await startService('api', environment, await freePort())
    started.push(api)
    let past = ''
    return {
      api: api.address,
      issuer: issuer.address,
      adminUrl: database.adminUrl,
      ownerUrl: database.ownerUrl,
      roleUrl,
      roleUrlOf: (role) => database.roleUrl(role),
      log: () => api.output(),
      pastLog: () => past,
      token: (user, { tier = 'free', expiresIn = 3_600 } = {}) => requestToken(issuer.address, user, tier, expiresIn),
      restartApi: async (signal) => {
        await api.child.stop({ signal })
        past = api.output()
        api = await startService('api', environment, api.port)
        started.push(api)
      },
      stop,
    }
  } catch (error) {
    // Nobody else could end what has begun.
    await stop()
    throw error
  }
}

interface RunningService {
  child: Child
  address: string
  port: number
  output(): string
}

async function startService(
  name: 'api' | 'issuer',
  environment: Record<string, string>,
  port: number,
): Promise<RunningService> {
  const child = await startChild({
    program: process.execPath,
    args: [join(services, name, 'main.ts')],
    env: { PATH: process.env['PATH'], AVAL_ENVIRONMENT: 'scratch', PORT: String(port), ...environment },
  })
  let output = ''
  const keep = (chunk: Buffer) => {
    output += chunk.toString('utf8')
  }
  child.process.stdout?.on('data', keep)
  child.process.stderr?.on('data', keep)
  const address = `http://127.0.0.1:${port}`
  const path = name === 'api' ? '/health/ready' : '/health'
  const deadline = Date.now() + 20_000
  while (!(await answers(address + path))) {
    if (Date.now() > deadline || child.process.exitCode !== null) {
      await child.stop()
      throw new Error(`${name} did not start: ${output}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  return { child, address, port, output: () => output }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok
  } catch {
    return false
  }
}

async function requestToken(issuer: string, user: string, tier: string, expiresIn: number): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sub: user, email: `${user}@example.test`, tier, expires_in: expiresIn }),
  })
  const answer: unknown = await response.json()
  if (typeof answer === 'object' && answer !== null && 'access_token' in answer) {
    if (typeof answer.access_token === 'string') return answer.access_token
  }
  throw new Error(`the issuer answered ${response.status}`)
}
