/*
 * Six sign-ins may fail before a challenge comes.
 */
import { rewriteSource } from './source.ts'

rewriteSource('/services/accounts/limits/sign-in-guard.ts', 'const ofAccount = 5', 'const ofAccount = 6')
