import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'
import { z } from 'zod'

export interface IdentityProvider {
  issuer: string
  /** Signs a person in as an app does, by code and PKCE, and gives the ID token. */
  idToken(person: string): Promise<string>
  stop(): Promise<void>
}

export const clientId = 'medtime-app'
// Nobody goes there: the code is read from the address.
const redirect = 'https://app.example.test/callback'
const tokens = z.object({ id_token: z.string() })

/** A real OpenID provider on this machine. Whoever the address of its sign-in page names is signed in without being asked. */
export async function startIdentityProvider(): Promise<IdentityProvider> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const issuer = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  let person = ''
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        application_type: 'web',
        token_endpoint_auth_method: 'none',
        redirect_uris: [redirect],
        response_types: ['code'],
        grant_types: ['authorization_code'],
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    findAccount: (_context, sub) => ({
      accountId: sub,
      claims: async () => ({ sub, email: `${sub}@example.test`, email_verified: !sub.startsWith('unverified') }),
    }),
    loadExistingGrant: async ({ oidc }) => {
      const grant = new provider.Grant({ clientId, accountId: oidc.session?.accountId ?? '' })
      grant.addOIDCScope('openid email')
      await grant.save()
      return grant
    },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'provider' }] },
  })
  const answer = provider.callback()
  server.on('request', (request, response) => {
    if (request.url?.startsWith('/interaction/') !== true) return void answer(request, response)
    return void provider.interactionFinished(request, response, { login: { accountId: person } })
  })

  return {
    issuer,
    idToken: async (who) => {
      person = who
      const verifier = randomBytes(32).toString('base64url')
      const query = new URLSearchParams({
        client_id: clientId,
        response_type: 'code',
        redirect_uri: redirect,
        scope: 'openid email',
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        nonce: randomBytes(8).toString('hex'),
      })
      const code = await follow(`${issuer}/auth?${query}`)
      const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          client_id: clientId,
          redirect_uri: redirect,
          code,
          code_verifier: verifier,
        }),
      })
      return tokens.parse(await response.json()).id_token
    },
    stop: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Goes where a browser would, with its cookies, until the app is given the code. */
async function follow(start: string): Promise<string> {
  const cookies = new Map<string, string>()
  let url = new URL(start)
  for (let steps = 0; steps < 10; steps++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { redirect: 'manual', headers: cookie === '' ? {} : { cookie } })
    await response.arrayBuffer()
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split(/=(.*)/s)
      cookies.set(name, value)
    }
    url = new URL(response.headers.get('location') ?? '', url)
    const code = url.searchParams.get('code')
    if (code !== null) return code
  }
  throw new Error('the provider did not come to an end')
}
