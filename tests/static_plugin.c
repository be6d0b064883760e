/* The plugin linked into a program: it registers, and its element can be made and started. */
#include <gst/gst.h>

GST_PLUGIN_STATIC_DECLARE (advjndprotect);

int
main (int argc, char **argv)
{
  GstElement *element;
  GstStateChangeReturn started;

  gst_init (&argc, &argv);
  GST_PLUGIN_STATIC_REGISTER (advjndprotect);
  element = gst_element_factory_make ("advjndprotect", NULL);
  if (element == NULL) {
    g_printerr ("no element advjndprotect\n");
    return 1;
  }
  started = gst_element_set_state (element, GST_STATE_PAUSED);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_object_unref (element);
  return started == GST_STATE_CHANGE_FAILURE;
}
