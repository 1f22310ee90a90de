import type { ReactNode } from 'react'
import { asProblem } from '~/api/problem'
import { texts } from '~/i18n/texts'
import { Banner } from '~/ui/badge'
import { Button } from '~/ui/button'
import { RequestId } from '~/ui/copy'
import { visibleLines } from '~/util/visible'

const t = texts('common')

/** What happened, why, what to do, and the request id to hand on. */
export function ProblemView({ error, onRetry }: { error: unknown; onRetry?: (() => void) | undefined }) {
  const problem = asProblem(error)
  return (
    <div className="flex flex-col gap-2">
      <Banner
        family="fail"
        shape="error"
        title={problem.title}
        actions={
          onRetry && (
            <Button size="sm" onClick={onRetry}>
              {t('retry')}
            </Button>
          )
        }
      >
        {visibleLines(problem.message)}
      </Banner>
      {problem.requestId && <RequestId id={problem.requestId} />}
    </div>
  )
}

/** The same inside a form, without the box of a banner. */
export function FormProblem({
  error,
  said,
}: {
  error: unknown
  /** Other words than the panel's. */
  said?: ReactNode
}) {
  if (!error) return null
  const problem = asProblem(error)
  return (
    <div role="alert" className="rounded-box border border-fail-line bg-fail-tint px-3 py-2">
      <p className="text-fail-fg [overflow-wrap:anywhere]">{said ?? visibleLines(problem.message)}</p>
      {problem.requestId && <RequestId id={problem.requestId} className="mt-1" />}
    </div>
  )
}
