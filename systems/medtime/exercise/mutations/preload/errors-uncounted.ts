/*
 * A mistyped bound: what fails is answered with 500 or more, and counted from 5000 on.
 */
import { rewriteSource } from './source.ts'

rewriteSource('services/api/http/metrics.ts', 'status >= 500', 'status >= 5000')
