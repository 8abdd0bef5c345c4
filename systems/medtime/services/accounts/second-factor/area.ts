import { z } from 'zod'
import type { Database, Run } from '../../api/database.ts'
import { ApiError } from '../../api/http/api-error.ts'
import { type Area, identityOf } from '../../api/http/area.ts'
import { errorAnswer } from '../../api/http/error-answer.ts'
import { readInput } from '../../api/http/read-input.ts'
import { failures, type RouteDescription } from '../../api/http/route.ts'
import { requireRecentSignIn } from '../../api/identity/recent-sign-in.ts'
import type { Account, Accounts } from '../account/accounts.ts'
import { code, ticket } from '../token/wire.ts'
import type { Factors } from './factors.ts'
import type { SendCode } from './send-code.ts'
import { type Ticket, type Tickets, ticketUser } from './tickets.ts'

const refusals = { 400: errorAnswer, 415: errorAnswer } as const
const withTicket = z.strictObject({ ticket })
const withCode = z.strictObject({ ticket, code })
const sms = z.strictObject({
  ticket,
  number: z.e164().describe('To set the number up; left out, a code goes to the one that is confirmed.').optional(),
})

const routes = {
  ticket: {
    method: 'POST',
    path: '/auth/second-factor/ticket',
    summary: 'Lets somebody who signed in within the last 5 minutes set up a second factor',
    authenticated: true,
    answers: { 200: withTicket, ...failures },
  },
  totp: {
    method: 'POST',
    path: '/auth/second-factor/totp',
    summary: 'A secret for an authenticator; it counts once its first code was sent',
    authenticated: false,
    limit: 'auth_endpoints',
    body: withTicket,
    answers: { 200: z.object({ secret: z.string(), uri: z.string() }), ...refusals, ...failures },
  },
  confirmTotp: {
    method: 'POST',
    path: '/auth/second-factor/totp/confirm',
    summary: 'The first code of an authenticator; the answer holds recovery codes, this once',
    authenticated: false,
    limit: 'auth_endpoints',
    body: withCode,
    answers: { 200: z.object({ recovery_codes: z.array(z.string()) }), ...refusals, ...failures },
  },
} as const satisfies Record<string, RouteDescription>

const smsRoutes = {
  sms: {
    method: 'POST',
    path: '/auth/second-factor/sms',
    summary: 'Sends a code, to the number that is confirmed or to one that is being set up',
    authenticated: false,
    limit: 'auth_endpoints',
    body: sms,
    answers: { 200: z.object({}), ...refusals, ...failures },
  },
  confirmSms: {
    method: 'POST',
    path: '/auth/second-factor/sms/confirm',
    summary: 'The first code that a number received',
    authenticated: false,
    limit: 'auth_endpoints',
    body: withCode,
    answers: { 200: z.object({}), ...refusals, ...failures },
  },
} as const satisfies Record<string, RouteDescription>

export interface SecondFactorAreaParts {
  database: Database
  accounts: Accounts
  factors: Factors
  tickets: Tickets
  /** Without it no codes are sent, and SMS is not offered. */
  sendCode: SendCode | undefined
  /** Milliseconds since the epoch. */
  now: () => number
}

/** Sets second factors up. Before any is, the password is enough for that; afterwards one of them is needed. */
export function secondFactorArea(parts: SecondFactorAreaParts): Area {
  const { database, accounts, factors, tickets, sendCode, now } = parts

  /** @throws ApiError SIGN_IN_FAILED unless the ticket is good, and good for setting something up when `settingUp` */
  const holding = async <T>(
    text: string,
    how: { guess: boolean; settingUp: boolean },
    work: (run: Run, account: Account, ticket: Ticket) => Promise<T | undefined>,
  ): Promise<T> => {
    const user = ticketUser(text)
    const result =
      user === undefined
        ? undefined
        : await database.transaction(user, async (run) => {
            const account = await accounts.read(run, user, true)
            const held = await tickets.read(run, text, how.guess)
            if (account === undefined || held === undefined) return undefined
            const proven = held.purpose === 'set_up' || held.satisfied
            // Or whoever knows the password would set up a telephone of their own beside the owner's authenticator.
            if (how.settingUp && !proven && (await factors.methods(run, user)).length > 0) return undefined
            return work(run, account, held)
          })
    if (result === undefined) throw new ApiError('SIGN_IN_FAILED')
    return result
  }

  return {
    routes: sendCode === undefined ? routes : { ...routes, ...smsRoutes },
    register: (server, gate) => {
      server.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'))
      server.post(routes.ticket.path, { onRequest: gate.authenticate }, async (request) => {
        const identity = identityOf(request)
        requireRecentSignIn(identity, now())
        const { user } = identity
        // It leads to no session, so that its device names nothing.
        const given = { purpose: 'set_up', device: 'set-up', withKey: false } as const
        return { ticket: await database.transaction(user, (run) => tickets.issue(run, user, given)) }
      })
      server.post(routes.totp.path, async (request) => {
        const asked = readInput(withTicket, request.body)
        return holding(asked.ticket, { guess: false, settingUp: true }, (run, account) =>
          factors.offerTotp(run, account),
        )
      })
      server.post(routes.confirmTotp.path, async (request) => {
        const asked = readInput(withCode, request.body)
        return holding(asked.ticket, { guess: true, settingUp: true }, async (run, { user }) => {
          const codes = await factors.confirmTotp(run, user, asked.code)
          if (codes === undefined) return undefined
          await tickets.satisfy(run, asked.ticket)
          return { recovery_codes: codes }
        })
      })
      if (sendCode === undefined) return
      server.post(smsRoutes.sms.path, async (request) => {
        const asked = readInput(sms, request.body)
        const { number } = asked
        const message = await holding(
          asked.ticket,
          { guess: true, settingUp: number !== undefined },
          async (run, { user }) => {
            if (number === undefined) {
              const made = await factors.newSmsCode(run, user)
              return made && { user, ...made }
            }
            const first = await factors.offerSms(run, user, number)
            return first === undefined ? undefined : { user, number, code: first }
          },
        )
        await sendCode(message)
        return {}
      })
      server.post(smsRoutes.confirmSms.path, async (request) => {
        const asked = readInput(withCode, request.body)
        return holding(asked.ticket, { guess: true, settingUp: true }, async (run, { user }) => {
          if (!(await factors.take(run, user, 'sms', asked.code))) return undefined
          await tickets.satisfy(run, asked.ticket)
          return {}
        })
      })
    },
  }
}
