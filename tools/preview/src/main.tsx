/** Draws the dashboard that the address names: `?data=URL&theme=dark|light&width=PIXELS`. */

import '@fontsource/roboto-mono/400.css';
import '@fontsource/roboto-mono/500.css';
import 'uplot/dist/uPlot.min.css';

import { createTheme, ThemeContext } from '@grafana/data';
import { GlobalStyles } from '@grafana/ui';
import { createRoot } from 'react-dom/client';

import { Dashboard } from './Dashboard';
import { ready } from './fields';
import { framesOf } from './frames';
import type { Rehearsed } from './model';

declare global {
  interface Window {
    __grafana_public_path__?: string;
  }
}

async function draw(asked: URLSearchParams): Promise<void> {
  window.__grafana_public_path__ = './';
  const theme = createTheme({ colors: { mode: asked.get('theme') === 'light' ? 'light' : 'dark' } });
  const answer = await fetch(asked.get('data') ?? 'data.json');
  const dashboard = (await answer.json()) as Rehearsed;
  const drawn = await Promise.all(
    dashboard.panels.map(async ({ panel, place, answers }) => {
      const failed = answers.flatMap((one) => (one.kind === 'failed' ? [`${one.refId}: ${one.reason}`] : []));
      try {
        return { panel, place, frames: await ready(panel, framesOf(answers), theme), failed };
      } catch (error) {
        return { panel, place, frames: [], failed: [...failed, String(error)] };
      }
    })
  );
  createRoot(document.getElementById('root')!).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Dashboard dashboard={dashboard} panels={drawn} theme={theme} width={Number(asked.get('width') ?? 1600)} />
    </ThemeContext.Provider>
  );
}

void draw(new URLSearchParams(window.location.search));
