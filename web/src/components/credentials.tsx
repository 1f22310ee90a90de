import type { QueryKey } from '@tanstack/react-query'
import type { LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'
import { queryClient } from '~/api/queries'
import { useNow } from '~/hooks/use-now'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Confirm } from '~/ui/dialog'
import { Ago } from '~/ui/time'

const t = texts('credentials')

/** One line of a list of what opens doors: a session, an API key, a consumer's credential. */
export function CredentialRow({
  icon: Icon,
  name,
  tag,
  facts,
  action,
}: {
  icon: LucideIcon
  name: ReactNode
  tag?: ReactNode
  /** Read second, separated by dots. */
  facts: ReactNode[]
  action: ReactNode
}) {
  return (
    <li className="flex items-center gap-x-3 gap-y-2 border-t border-line px-4 py-2.5 first:border-0 max-sm:flex-wrap">
      <Icon aria-hidden="true" size={16} strokeWidth={1.75} className="shrink-0 text-t3" />
      <div className="min-w-0 flex-1 max-sm:basis-40">
        <div className="flex items-center gap-2">
          <span className="truncate font-medium">{name}</span>
          {tag}
        </div>
        <div className="flex flex-wrap text-12 text-t3">
          {facts.map((fact, at) => (
            <span
              key={at}
              className="whitespace-nowrap max-sm:whitespace-normal max-sm:[overflow-wrap:anywhere]"
            >
              {fact}
              {at < facts.length - 1 && <span className="px-1.5">·</span>}
            </span>
          ))}
        </div>
      </div>
      <div className="shrink-0 max-sm:ml-auto">{action}</div>
    </li>
  )
}

/** "ends in 20 days", "ended 3 days ago", "does not end". */
export function Ends({ at }: { at: string | null | undefined }) {
  const now = useNow()
  if (!at) return t('ends.never')
  return t.rich(Date.parse(at) > now ? 'ends.ends' : 'ends.ended', { when: <Ago at={at} /> })
}

/** Asks once, takes back, and reads the list again; a refusal stays on screen with its reason. */
export function TakeBack<T>({
  item,
  title,
  verb,
  failed,
  list,
  take,
  typed,
  onClose,
  children,
}: {
  /** What is taken back; nothing is asked without one. */
  item: T | undefined
  title: string
  verb: string
  /** Heads the message when it was refused: "Not revoked". */
  failed: string
  list: QueryKey
  take: (item: T) => Promise<unknown>
  /** What has to be typed first, where much hangs on it. */
  typed?: string | undefined
  onClose: () => void
  children: ReactNode
}) {
  return (
    <Confirm
      open={item !== undefined}
      onClose={onClose}
      title={title}
      verb={verb}
      typed={typed}
      onConfirm={async () => {
        if (item === undefined) return
        try {
          await take(item)
          await queryClient.invalidateQueries({ queryKey: list })
        } catch (error) {
          toast.error(failed, error)
          throw error
        }
      }}
    >
      {children}
    </Confirm>
  )
}
