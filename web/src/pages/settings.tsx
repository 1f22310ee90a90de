import { useQuery } from '@tanstack/react-query'
import { settingsQuery } from '~/api/panel'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { PanelSettingsForm } from '~/forms/panel-settings'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Card } from '~/ui/bits'
import { SkeletonRows } from '~/ui/wait'

const t = texts('settings')

/** Of the panel as a whole. */
export function SettingsPage() {
  const settings = useQuery(settingsQuery)
  const { may } = useMay()
  usePage(t('title'))
  return (
    <Page>
      <PageHead title={t('title')} />
      <p className="mb-4 max-w-180 text-t2">{t('note')}</p>
      {settings.isPending && (
        <Card>
          <SkeletonRows rows={8} />
        </Card>
      )}
      {settings.isError && <ProblemView error={settings.error} onRetry={() => void settings.refetch()} />}
      {settings.data && (
        // Another state is another form: what was typed was meant for the one before.
        <PanelSettingsForm
          key={settings.data.version}
          settings={settings.data}
          off={!may('panel.update') && t('may_not')}
        />
      )}
    </Page>
  )
}
