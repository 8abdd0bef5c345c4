/*
 * Whenever its person signed in, a token does what cannot be undone.
 */
import { rewriteSource } from './source.ts'

rewriteSource('/services/api/identity/recent-sign-in.ts', 'recentSeconds * 1_000', 'Number.MAX_VALUE')
