import { randomBytes } from 'node:crypto'
import { client, ready, server } from '@serenity-kit/opaque'
import { ApiError } from '../../api/http/api-error.ts'

/** The server's half of OPAQUE (RFC 9807): it lets people in by a password that it never has. */
export interface Opaque {
  /** Answers the first message of a registration. @throws ApiError BAD_REQUEST when the message is malformed */
  register(handle: string, request: string): string
  /** Answers the first message of a sign-in; without a record as if there were one. @throws ApiError BAD_REQUEST when the message is malformed */
  start(handle: string, record: string | undefined, request: string): { state: string; response: string }
  /** Whether somebody could ever sign in with this record: a client may send anything. */
  accepts(record: string): boolean
  /** Whether the second message shows the password. */
  finish(state: string, request: string): boolean
}

/** The secrets of the server's half. */
export interface OpaqueSetup {
  secret: string
  /**
   * The record of a password nobody knows. It takes the place of a missing one, so that an unknown account goes the very same
   * way through the same computations.
   */
  standIn: string
}

/** New secrets. They are made once for all instances: with others no password opens anything any more. */
export async function createOpaqueSetup(): Promise<OpaqueSetup> {
  await ready
  const secret = server.createSetup()
  const password = randomBytes(32).toString('base64url')
  const { clientRegistrationState, registrationRequest } = client.startRegistration({ password })
  const { registrationResponse } = server.createRegistrationResponse({
    serverSetup: secret,
    userIdentifier: randomBytes(32).toString('base64url'),
    registrationRequest,
  })
  const { registrationRecord } = client.finishRegistration({
    password,
    registrationResponse,
    clientRegistrationState,
    // The password is random: stretching it would protect nothing.
    keyStretching: { 'argon2id-custom': { memory: 8, iterations: 1, parallelism: 1 } },
  })
  return { secret, standIn: registrationRecord }
}

/** @throws when the setup is damaged */
export async function openOpaque(setup: OpaqueSetup): Promise<Opaque> {
  await ready
  const serverSetup = setup.secret
  const begin = (userIdentifier: string, registrationRecord: string, startLoginRequest: string) =>
    server.startLogin({ serverSetup, userIdentifier, registrationRecord, startLoginRequest })
  const { startLoginRequest: anyRequest } = client.startLogin({ password: '' })
  return {
    register: (userIdentifier, registrationRequest) =>
      orMalformed(() => server.createRegistrationResponse({ serverSetup, userIdentifier, registrationRequest }))
        .registrationResponse,
    start: (userIdentifier, record, startLoginRequest) => {
      const begun = orMalformed(() => begin(userIdentifier, record ?? setup.standIn, startLoginRequest))
      return { state: begun.serverLoginState, response: begun.loginResponse }
    },
    accepts: (record) => {
      try {
        begin('anybody', record, anyRequest)
        return true
      } catch {
        return false
      }
    },
    finish: (serverLoginState, finishLoginRequest) => {
      try {
        server.finishLogin({ serverLoginState, finishLoginRequest })
        return true
      } catch {
        return false
      }
    },
  }
}

/** The library says no more than that it could not read something. */
function orMalformed<T>(work: () => T): T {
  try {
    return work()
  } catch {
    throw new ApiError('BAD_REQUEST')
  }
}
