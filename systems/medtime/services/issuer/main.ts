import { z } from 'zod'
import { createIssuer } from './issuer.ts'
import { signingKeys } from './signing-key.ts'

const environment = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: z.coerce.number().int().min(0).max(65_535),
  TOKEN_ISSUER: z.string().min(1).default('https://auth.medtime.app'),
  TOKEN_AUDIENCE: z.string().min(1).default('medtime-api'),
  ISSUER_KEY_FILE: z.string().min(1).optional(),
  // Named, so that it cannot start where nobody thought about it.
  AVAL_ENVIRONMENT: z.enum(['development', 'scratch']),
})

const result = environment.safeParse(process.env)
if (result.success) {
  const { HOST, PORT, TOKEN_ISSUER, TOKEN_AUDIENCE, ISSUER_KEY_FILE } = result.data
  const server = await createIssuer({
    keys: await signingKeys(ISSUER_KEY_FILE),
    issuer: TOKEN_ISSUER,
    audience: TOKEN_AUDIENCE,
    now: () => Date.now(),
  })
  process.on('SIGTERM', () => void server.close())
  process.on('SIGINT', () => void server.close())
  await server.listen({ host: HOST, port: PORT })
} else {
  const names = result.error.issues.map((issue) => issue.path.join('.')).join(', ')
  process.stderr.write(
    `This issuer signs tokens for anybody: it serves development only and does not start here. Look at: ${names}\n`,
  )
  process.exitCode = 1
}
