/*
 * xml_simple.h - an XML element as values, in the form of Ruby's XmlSimple: children by name, attributes beside them.
 *
 *	<a x="1"><b>2</b><b/>t</a>   ->   {"x": "1", "b": ["2"], "content": "t"}
 */
#ifndef WEIR_FILTER_XML_SIMPLE_H
#define WEIR_FILTER_XML_SIMPLE_H

#include "event/value.h"

struct _xmlNode; /* libxml2's */

struct xml_simple {
	bool force_array;    /* every child is a list */
	bool force_content;  /* text alone is {"content": text} */
	bool suppress_empty; /* what holds nothing is left out */
};

/* Everything in a. Depth is bounded by libxml2 (256). */
struct value xml_simple(const struct xml_simple *opt, struct arena *a, const struct _xmlNode *element);

#endif
