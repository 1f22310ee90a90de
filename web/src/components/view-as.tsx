import { useMutation, useQuery } from '@tanstack/react-query'
import { Eye } from 'lucide-react'
import { api, must } from '~/api/client'
import { sessionQuery } from '~/api/queries'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { beginView, currentView, endView } from '~/stores/view-as'
import { Banner } from '~/ui/badge'
import { Button } from '~/ui/button'
import { visible } from '~/util/visible'

const t = texts('shell')

/** Shows an admin the panel with somebody else's eyes. */
export function ViewAsButton({ user, role }: { user?: string; role?: string }) {
  const session = useQuery(sessionQuery)
  const begin = useMutation({
    mutationFn: () => must(api.POST('/view-as', { body: user ? { user } : { role: role ?? null } })),
    onSuccess: beginView,
    onError: (error) => toast.error(t('view_as.failed'), error),
  })
  if (!session.data?.user.admin || session.data.user.id === user) return null
  return (
    <Button icon={Eye} busy={begin.isPending} onClick={() => begin.mutate()}>
      {t('view_as')}
    </Button>
  )
}

/** Said on every page meanwhile, with the way out. */
export function ViewAsBanner() {
  const view = currentView()
  if (!view) return null
  return (
    <div className="px-6 pt-3 max-sm:px-3">
      <Banner
        family="warn"
        shape="look"
        title={t('view_as.title', { name: visible(view.name) })}
        actions={
          <Button size="sm" onClick={endView}>
            {t('view_as.stop')}
          </Button>
        }
      >
        {t('view_as.note')}
      </Banner>
    </div>
  )
}
