import { KeyRound } from 'lucide-react'
import { api, must } from '~/api/client'
import { asProblem, attemptsText } from '~/api/problem'
import type { Provider } from '~/api/types'
import { useLeaving } from '~/hooks/use-leaving'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { ssoCode, ssoRefusal } from '~/util/sso'
import { visible } from '~/util/visible'
import { DoorError } from './door-frame'

const t = texts('door')

/** What the panel said when it could not send somebody to a provider. */
export function providerProblem(error: unknown): string {
  const problem = asProblem(error)
  const code = ssoCode(problem.code)
  if (code) return `${ssoRefusal(code).title} ${ssoRefusal(code).text}`
  return attemptsText(problem) ?? problem.message
}

/** Ways in through somebody else: two in a row where their names are short. */
export function ProviderSignIn({
  providers,
  next,
  onTry,
}: {
  providers: Provider[]
  /** The page to come back to. */
  next: string | undefined
  onTry: () => void
}) {
  const { busy, going, error, go } = useLeaving((provider: string) =>
    must(api.POST('/session/sso/{provider}', { params: { path: { provider } }, body: next ? { next } : {} })),
  )
  return (
    <div>
      <div className="flex flex-wrap gap-2">
        {providers.map(({ id, name }) => (
          <Button
            key={id}
            size="lg"
            icon={KeyRound}
            busy={going === id}
            aria-label={t('login.with', { provider: visible(name) })}
            title={visible(name)}
            onClick={() => {
              if (busy) return
              onTry()
              go(id)
            }}
            // `min-w` takes the place of the name's own width, so that a long one is cut and not the page made wider.
            className="min-w-[calc(50%-4px)] max-w-full flex-auto [&_svg]:shrink-0"
          >
            <bdi className="truncate">{visible(name)}</bdi>
          </Button>
        ))}
      </div>
      {error !== null && <DoorError>{providerProblem(error)}</DoorError>}
    </div>
  )
}
