import { randomUUID } from 'node:crypto'
import { z } from 'zod'

export interface TokenHolder {
  id: string
  token: string
}

const answer = z.object({ access_token: z.string() })

/** People with a token each, from the issuer that stands in for accounts. */
export async function createUsers(issuer: string, count: number): Promise<TokenHolder[]> {
  const users: TokenHolder[] = []
  for (let n = 0; n < count; n++) {
    const id = randomUUID()
    const response = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sub: id, email: `user-${n}@example.test`, tier: 'free' }),
    })
    users.push({ id, token: answer.parse(await response.json()).access_token })
  }
  return users
}
