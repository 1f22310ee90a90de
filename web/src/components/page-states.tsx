import { type ErrorComponentProps, Link } from '@tanstack/react-router'
import { asProblem } from '~/api/problem'
import { Button } from '~/ui/button'

export function NotFound() {
  return (
    <div className="flex h-full flex-col items-center justify-center gap-2 p-6 text-center">
      <h1 className="title text-20">There is no such page</h1>
      <p className="text-t2">The address may be old, or what it named has been deleted.</p>
      <Link to="/" className="mt-2 font-medium text-accent">
        To the overview
      </Link>
    </div>
  )
}

/** A route that could not be loaded: cause, what to do, request id. */
export function PageFailed({ error, reset }: ErrorComponentProps) {
  const problem = asProblem(error)
  return (
    <div role="alert" className="flex h-full flex-col items-center justify-center gap-2 p-6 text-center">
      <h1 className="title text-20">{problem.title}</h1>
      <p className="max-w-120 text-t2 [overflow-wrap:anywhere]">{problem.message}</p>
      {problem.requestId && <p className="mono text-12 text-t3">Request {problem.requestId}</p>}
      <div className="mt-2">
        <Button onClick={reset}>Try again</Button>
      </div>
    </div>
  )
}
