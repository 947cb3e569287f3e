// JupyterLab waits two seconds for the widget of an output. One that comes just then is called not found for good,
// although it is there a moment later (@jupyter-widgets/jupyterlab-manager 5.0.16): such outputs are drawn again.
const LOST = "Error displaying widget: model not found";
const VIEW = "application/vnd.jupyter.widget-view+json";

async function redraw(manager) {
  const outputs = [...document.querySelectorAll(".jp-OutputArea-output")];
  if (!outputs.some((one) => one.textContent.trim() === LOST)) return;
  const notebook = manager.context.model;
  const { dirty } = notebook;
  for (const cell of notebook.cells) {
    for (let place = 0; place < (cell.outputs?.length ?? 0); place++) {
      const output = cell.outputs.get(place).toJSON();
      const id = output.data?.[VIEW]?.model_id;
      if (!id || !manager.has_model(id)) continue;
      const widget = await manager.get_model(id);
      if (!Object.keys(widget.views ?? {}).length) cell.outputs.set(place, output);
    }
  }
  notebook.dirty = dirty;
}

function revive(manager) {
  if (!manager?.context?.model?.cells || manager.revives) return; // elsewhere than in JupyterLab; or another did
  manager.revives = true;
  for (const wait of [500, 2000, 6000]) setTimeout(() => redraw(manager), wait);
}
