import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Json, Trial } from 'aval'
import { z } from 'zod'
import { type Database, openDatabase } from '../../services/api/database.ts'
import { fictionalNumber } from './outbox-scene.ts'
import { differences, type TrialTools } from './trial-tools.ts'

/*
 * How long a code sent by SMS is good for: over the wire, through accounts and the messenger that run. The code is read where the messenger
 * leaves it in place of a provider. That minutes have gone by is written into the row of the code, as the role of accounts.
 */

const validMs = 5 * 60_000
/** What this code still has when it is tried: long enough for an answer on a machine at its limits. */
const leftMs = 20_000
/** A messenger that has just started beside everything else may take long, and the code outlives it. */
const patienceMs = 60_000

const issued = z.object({ access_token: z.string() })
const ticketed = z.object({ ticket: z.string() })
const refusal = z.object({ code: z.string() })

interface Setup {
  user: string
  code: string
  /** Sets up the second factor with the code. @returns the status, and the code of a refusal */
  confirm(): Promise<{ status: number; code?: string }>
  /** When the code ends, milliseconds after it was asked for at the latest and at the earliest. */
  validFor: { most: number; least: number }
  /** Lets time go by until this code has so long left; below zero, it ended so long ago. */
  leave(ms: number): Promise<void>
}

async function post(url: URL, json: Json, token?: string): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(json),
    signal: AbortSignal.timeout(10_000),
  })
}

/** Signs somebody in and asks for a code. */
async function askForCode(tools: TrialTools, accounts: Database, messenger: Database): Promise<Setup> {
  const at = (path: string) => new URL(path, tools.address('accounts'))
  const sub = tools.newId()
  const claims = { iss: 'https://development.example.test', aud: 'medtime-accounts', amr: null, jti: tools.newId() }
  const email = `${sub}@example.test`
  const vouched = issued.parse(
    await (await post(new URL('/token', tools.address('issuer')), { sub, email, tier: 'free', claims })).json(),
  )
  const signedIn = issued.parse(
    await (
      await post(at('/auth/token'), {
        grant_type: 'id_token',
        provider: 'development',
        id_token: vouched.access_token,
        device_id: 'phone',
      })
    ).json(),
  )
  const { access_token: access } = signedIn
  const user = subjectOf(access)
  const { ticket } = ticketed.parse(await (await post(at('/auth/second-factor/ticket'), {}, access)).json())
  const before = tools.now()
  const asked = await post(at('/auth/second-factor/sms'), { ticket, number: fictionalNumber() })
  const after = tools.now()
  if (!asked.ok) throw new Error(`no code was sent: ${asked.status}`)
  const code = await codeOf(user, messenger, tools)
  const until = await accounts.transaction(user, (run) =>
    run<{ code_until: Date }>('trial-until', 'SELECT code_until FROM public.srv_sms_factors WHERE user_id = $1', [
      user,
    ]),
  )
  const ends = until[0]?.code_until.getTime() ?? Number.NaN
  return {
    user,
    code,
    validFor: { most: ends - before, least: ends - after },
    confirm: async () => {
      const answer = await post(at('/auth/second-factor/sms/confirm'), { ticket, code })
      const text = await answer.text()
      return answer.ok
        ? { status: answer.status }
        : { status: answer.status, code: refusal.parse(JSON.parse(text)).code }
    },
    leave: async (ms) => {
      await accounts.transaction(user, (run) =>
        run(
          'trial-leave',
          `UPDATE public.srv_sms_factors SET code_until = code_until - $2 * interval '1 ms' WHERE user_id = $1`,
          [user, ends - tools.now() - ms],
        ),
      )
    },
  }
}

/** The `sub` of a token that accounts just gave out. */
function subjectOf(token: string): string {
  const [, payload = ''] = token.split('.')
  return z.object({ sub: z.string() }).parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))).sub
}

/** The code in the SMS to a user. @throws when the messenger did not write it in time, with how the message stands */
async function codeOf(user: string, messenger: Database, { now }: TrialTools): Promise<string> {
  const folder = process.env['MESSAGES_FOLDER'] ?? join(tmpdir(), 'medtime-messages')
  const deadline = now() + patienceMs
  for (;;) {
    const [message] = await messenger.run<{ id: string; state: string; attempts: number; error_code: string | null }>(
      'trial-code',
      `SELECT id, state, attempts, error_code FROM public.srv_messages WHERE user_id = $1 AND type = 'mfa_code'`,
      [user],
    )
    if (message?.state === 'accepted') {
      const text = await readFile(join(folder, `sms-${message.id}.txt`), 'utf8')
      const [code] = /(?<!\d)\d{6}(?!\d)/.exec(text.split('\n').slice(2).join('\n')) ?? []
      if (code === undefined) throw new Error('the SMS holds no code')
      return code
    }
    if (now() >= deadline)
      throw new Error(`the messenger did not send the code within ${patienceMs} ms: ${told(message)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function told(message: { state: string; attempts: number; error_code: string | null } | undefined): string {
  if (message === undefined) return 'it is not in the outbox'
  const { state, attempts, error_code: code } = message
  return `it is ${state}, ${attempts} attempts were begun${code === null ? '' : `, ${code}`}`
}

async function tryValidity(tools: TrialTools): Promise<string[]> {
  const open = (role: string) =>
    openDatabase({
      url: tools.databaseUrl(role),
      poolSize: 1,
      onStatement: () => undefined,
      onLostConnection: () => undefined,
    })
  const [accounts, messenger] = [open('medtime_accounts'), open('medtime_messenger')]
  try {
    const young = await askForCode(tools, accounts, messenger)
    await young.leave(leftMs)
    const inTime = await young.confirm()
    const old = await askForCode(tools, accounts, messenger)
    await old.leave(0)
    const late = await old.confirm()
    return differences(
      ['a code that still has some seconds', inTime, { status: 200 }],
      ['a code of five minutes', late, { status: 401, code: 'SIGN_IN_FAILED' }],
      ['a code is good for five minutes at least', young.validFor.most >= validMs, true],
      ['a code is good for five minutes at most', young.validFor.least <= validMs, true],
    )
  } finally {
    await Promise.all([accounts.close(), messenger.close()])
  }
}

export const codeValidity = (tools: TrialTools): Trial => ({
  id: 'limits-mfa_code/over-the-wire',
  promise: 'limits/mfa_code',
  title: 'A code sent by SMS is taken for five minutes, and then not',
  run: () => tryValidity(tools),
})
