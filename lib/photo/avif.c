/* AVIF through libavif. */
#ifdef HAVE_libavif
#include <avif/avif.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/image/orientation.h"
#include "lib/photo/photo.h"

#if AVIF_VERSION < 1000000
#define axis mode
#endif

/* Returns the file's rotation (counterclockwise, in quarters) and then its mirror as an EXIF
 * orientation. A reader of AVIF must ignore the EXIF block's own value. */
static int orientation_of(const avifImage *im)
{
	static const int rotated[] = {1, 8, 3, 6}, top_bottom[] = {4, 5, 2, 7},
	                 left_right[] = {2, 7, 4, 5};
	int quarters = im->transformFlags & AVIF_TRANSFORM_IROT ? im->irot.angle & 3 : 0;
	if (!(im->transformFlags & AVIF_TRANSFORM_IMIR))
		return rotated[quarters];
	return (im->imir.axis ? left_right : top_bottom)[quarters];
}

static int failed(avifDecoder *decoder, avifResult why)
{
	avifDecoderDestroy(decoder);
	return fail("damaged AVIF: %s", avifResultToString(why));
}

int avif_decode(struct image *im, const void *data, size_t size, struct image_notes *notes)
{
	avifDecoder *decoder = avifDecoderCreate();
	if (!decoder)
		return fail("libavif is out of memory");
	decoder->imageSizeLimit = IMAGE_PIXELS_MAX;
	/* Accept what older programs wrote, like PIL. */
	decoder->strictFlags &=
	    ~(avifStrictFlags)(AVIF_STRICT_CLAP_VALID | AVIF_STRICT_PIXI_REQUIRED);
	avifResult result = avifDecoderSetIOMemory(decoder, data, size);
	if (result == AVIF_RESULT_OK)
		result = avifDecoderParse(decoder);
	if (result == AVIF_RESULT_OK)
		result = avifDecoderNextImage(decoder);
	if (result != AVIF_RESULT_OK)
		return failed(decoder, result);
	avifRGBImage rgb;
	avifRGBImageSetDefaults(&rgb, decoder->image);
	rgb.format = AVIF_RGB_FORMAT_RGBA; /* RGB would be blended with black */
	rgb.depth = 8;
	rgb.rowBytes = 4 * rgb.width;
	rgb.pixels = xmalloc((size_t)rgb.rowBytes * rgb.height);
	result = avifImageYUVToRGB(decoder->image, &rgb);
	if (result != AVIF_RESULT_OK) {
		free(rgb.pixels);
		return failed(decoder, result);
	}
	*im = image_without_alpha(rgb.pixels, (int)rgb.width, (int)rgb.height);
	free(rgb.pixels);
	*notes = (struct image_notes){.orientation = orientation_of(decoder->image),
	    .alpha = decoder->alphaPresent,
	    .deep = decoder->image->depth > 8};
	avifDecoderDestroy(decoder);
	image_upright(im, notes->orientation);
	return 0;
}
#endif
